import type { HandledRequest } from '../gateway/index.js';
import type { JsonSchema } from '../schema/index.js';

/** What a client sends under no name of its own: the name of the request in `type`, its ids beside `payload` or in it. */
export function requestEnvelope(requests: readonly HandledRequest[]): JsonSchema {
  return {
    type: 'object',
    properties: {
      type: { type: 'string', enum: requests.map(({ type }) => type) },
      payload: { type: 'object', description: 'As the request itself takes it.' },
      threadId: { type: ['string', 'null'] },
      runId: { type: ['string', 'null'] },
      messageId: { type: ['string', 'null'] },
    },
    required: ['type'],
  };
}
