import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { exportJWK, exportSPKI, generateKeyPair, type CryptoKey, type JWK, type JWTPayload, SignJWT } from 'jose';

interface SigningKey {
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** A key set on a real HTTP server of its own, as an identity provider has one; and tokens signed with its keys. */
export class KeyServer {
  /** How often the key set was asked for. */
  fetches = 0;
  /** What is answered instead of the key set. */
  broken: { readonly status: number; readonly body: string } | null = null;

  private readonly keys = new Map<string, SigningKey>();
  private readonly published = new Map<string, JWK>();
  private readonly server: Server;

  private constructor() {
    this.server = createServer((_request, response) => {
      this.fetches += 1;
      const { status, body } = this.broken ?? {
        status: 200,
        body: JSON.stringify({ keys: [...this.published.values()] }),
      };
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(body);
    });
  }

  /** `port`: 0 takes a free one. */
  static async start(port = 0): Promise<KeyServer> {
    const server = new KeyServer();
    await new Promise<void>((resolve, reject) => {
      server.server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/keys`;
  }

  /** Makes a key that is not in the key set. */
  async keep(kid: string, alg = 'ES256'): Promise<SigningKey> {
    const key = { alg, ...(await generateKeyPair(alg, { extractable: true })) };
    this.keys.set(kid, key);
    return key;
  }

  /** Makes a key and puts its public half into the key set. */
  async publish(kid: string, alg = 'ES256'): Promise<void> {
    const { publicKey } = await this.keep(kid, alg);
    this.published.set(kid, { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' });
  }

  /** Takes the key out of the key set; tokens can still be signed with it. */
  withdraw(kid: string): void {
    this.published.delete(kid);
  }

  sign(kid: string, claims: JWTPayload): Promise<string> {
    const { alg, privateKey } = this.key(kid);
    return new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(privateKey);
  }

  /** As `sign`, without saying with which key. */
  signUnnamed(kid: string, claims: JWTPayload): Promise<string> {
    const { alg, privateKey } = this.key(kid);
    return new SignJWT(claims).setProtectedHeader({ alg }).sign(privateKey);
  }

  /** Puts this into the key set, whatever it is. */
  publishAsIs(key: JWK & { readonly kid: string }): void {
    this.published.set(key.kid, key);
  }

  /** Tokens signed with the public key in each form that somebody might take for a secret. */
  async forgeries(kid: string, claims: JWTPayload): Promise<string[]> {
    const { publicKey } = this.key(kid);
    const forms = [await exportSPKI(publicKey), JSON.stringify(await exportJWK(publicKey))];
    const forge = (secret: string): Promise<string> =>
      new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid }).sign(new TextEncoder().encode(secret));
    return Promise.all(forms.map(forge));
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.close((error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }

  private key(kid: string): SigningKey {
    const key = this.keys.get(kid);
    if (key === undefined) throw new Error(`There is no key ${kid}.`);
    return key;
  }
}
