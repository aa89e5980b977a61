import type { JsonSchema } from '../schema/index.js';

interface Reference {
  readonly $ref: string;
}

/** What goes in or out under one name. */
export interface Message {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly payload: JsonSchema;
}

interface Channel {
  readonly address: string | null;
  readonly description: string;
  readonly messages: Readonly<Record<string, Message>>;
}

export interface Operation {
  /** As the server sees it. */
  readonly action: 'send' | 'receive';
  readonly summary?: string;
  readonly channel: Reference;
  readonly messages: readonly Reference[];
  readonly reply?: { readonly channel: Reference; readonly messages: readonly Reference[] };
}

/** The parts of an AsyncAPI 3 document that are made here. */
export interface AsyncApiDocument {
  readonly asyncapi: '3.0.0';
  readonly info: Readonly<Record<'title' | 'version' | 'description', string>> & { readonly license: object };
  readonly defaultContentType: string;
  readonly servers: Readonly<Record<string, object>>;
  readonly channels: Readonly<
    Record<'handshake' | 'requests' | 'answers' | 'connection' | 'threads' | 'batches', Channel>
  >;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly components: { readonly securitySchemes: object; readonly schemas?: Readonly<Record<string, JsonSchema>> };
}
