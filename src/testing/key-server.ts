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

  static async start(): Promise<KeyServer> {
    const server = new KeyServer();
    await new Promise<void>((resolve, reject) => {
      server.server.once('error', reject).listen(0, '127.0.0.1', resolve);
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

  /** The public key as texts that somebody might try to use as a secret. */
  async publicForms(kid: string): Promise<readonly string[]> {
    const { publicKey } = this.key(kid);
    return [await exportSPKI(publicKey), JSON.stringify(await exportJWK(publicKey))];
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
