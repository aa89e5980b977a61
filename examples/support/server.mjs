/** What both examples need of a server over plain HTTP. Everything thrown here is a sentence for a person. */

/** The address as it was typed, without a slash at the end; `localhost:3000` is taken too. */
export function serverUrl(text) {
  const url = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new Error(`'${text}' is not the address of a server. One looks like http://localhost:3000.`);
  }
  return url.replace(/\/+$/, '');
}

/** A response, whatever its status. Throws when nobody answers. */
export async function ask(url, path, { timeoutMs = 10_000, ...init } = {}) {
  try {
    return await fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    throw new Error(whyUnreachable(url, error, timeoutMs), { cause: error });
  }
}

/** Of a development server: a token for any user. Throws with what to do instead where there is none to be had. */
export async function developmentToken(url, userId, timeoutMs) {
  const response = await ask(url, '/dev/token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId }),
    timeoutMs,
  });
  const body = await response.json().catch(() => ({}));
  if (response.status === 404) {
    throw new Error('The server makes no development tokens: it runs in production, or with AUTH_* settings.');
  }
  if (!response.ok || typeof body.token !== 'string') {
    throw new Error(`The server gives no development token: ${body.detail ?? `HTTP status ${response.status}`}`);
  }
  return body.token;
}

function whyUnreachable(url, error, timeoutMs) {
  const { host, hostname } = new URL(url);
  const { cause } = error;
  const code = cause?.code ?? cause?.errors?.[0]?.code;
  if (error.name === 'TimeoutError') return `${host} does not answer within ${timeoutMs} ms.`;
  if (code === 'ECONNREFUSED') return `Nothing listens at ${host}. Is the server started (npm start), on that port?`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `There is no host named ${hostname}.`;
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') return `${host} closes the connection without an answer.`;
  if (code?.startsWith('HPE_') === true) return `What listens at ${host} does not speak HTTP.`;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return `${host} does not speak TLS. Should the address begin with http:?`;
  return `${host} cannot be reached: ${cause?.message ?? error.message}.`;
}
