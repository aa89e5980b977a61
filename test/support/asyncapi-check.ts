import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

import type { AsyncApi } from '../../src/reference/index.js';
import { closed } from './closed-schemas.js';

type Document = ReturnType<AsyncApi['document']>;
type ChannelName = keyof Document['channels'];

/** Compares frames with what an AsyncAPI document says of them. Fields that are not described are faults. */
export class AsyncApiCheck {
  readonly faults: string[] = [];
  /** What was looked at, as `channel name`. */
  readonly seen = new Set<string>();
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(private readonly document: Document) {
    this.#ajv.addSchema(closed(document), 'asyncapi');
  }

  /** An event that came, of whatever kind. */
  event(name: string, data: unknown): void {
    const channels: readonly ChannelName[] = ['connection', 'threads', 'batches'];
    const channel = channels.find((one) => Object.hasOwn(this.document.channels[one].messages, name));
    if (channel === undefined) this.faults.push(`the event ${name} is not described: ${JSON.stringify(data)}`);
    else this.message(channel, name, data);
  }

  message(channel: ChannelName, name: string, payload: unknown): void {
    this.seen.add(`${channel} ${name}`);
    const validate = this.#validator(`asyncapi#/channels/${channel}/messages/${name}/payload`);
    if (validate(payload)) return;
    for (const { instancePath, message = '', params } of validate.errors ?? []) {
      this.faults.push(`${channel} ${name}: ${instancePath} ${message} ${JSON.stringify(params)}`);
    }
  }

  #validator(pointer: string): ValidateFunction {
    const validator = this.#validators.get(pointer) ?? this.#ajv.compile({ $ref: pointer });
    this.#validators.set(pointer, validator);
    return validator;
  }
}
