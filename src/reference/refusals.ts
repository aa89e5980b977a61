import { ERRORS, type ErrorCode } from '../errors/index.js';
import { ERROR_CODES_EXTENSION } from '../http/index.js';
import { wireSchema, type JsonSchema } from '../schema/index.js';
import { PROBLEM_CONTENT_TYPE, PROBLEM_DOCUMENT } from '../startup/index.js';

/** What of an operation of an OpenAPI document decides how it can be refused. */
export interface Operation {
  readonly parameters?: readonly { readonly name?: string; readonly in?: string }[];
  readonly requestBody?: unknown;
  /** Each the roles that are asked for, by scheme. */
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly responses?: Readonly<Record<string, { readonly content?: object; readonly description?: string }>>;
  readonly [ERROR_CODES_EXTENSION]?: readonly ErrorCode[];
}

/** They answer for themselves while others are refused. */
const ALWAYS_ANSWERED: readonly string[] = ['/health/live', '/health/ready'];

const PATH_PARAMETERS: Readonly<Record<string, readonly ErrorCode[]>> = {
  threadId: ['invalid_id', 'thread_not_found'],
  runId: ['invalid_id', 'run_not_found', 'run_ended'],
  connectionId: ['invalid_id', 'connection_not_found'],
};

/** The operation with every code that it may be refused with, and its problem documents by status. */
export function withRefusals<T extends Operation>(path: string, operation: T): T {
  const named = new Set([...(operation[ERROR_CODES_EXTENSION] ?? []), ...impliedCodes(path, operation)]);
  const codes = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => named.has(code));
  const statuses = [...new Set(codes.map((code) => statusOf(code)))];
  const responses: Record<string, object> = { ...operation.responses };
  for (const status of statuses) {
    const own = operation.responses?.[status];
    responses[status] = refusal(
      codes.filter((code) => statusOf(code) === status),
      own,
    );
  }
  return { ...operation, [ERROR_CODES_EXTENSION]: codes, responses };
}

/** Codes that follow from the route itself. */
function impliedCodes(path: string, { parameters = [], requestBody, security = [] }: Operation): ErrorCode[] {
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  return [
    'internal',
    ...(ALWAYS_ANSWERED.includes(path) ? [] : (['starting', 'draining', 'storage_unavailable'] as const)),
    ...(security.length > 0 ? (['unauthenticated'] as const) : []),
    ...(security.some(asksForRole) ? (['forbidden'] as const) : []),
    ...(requestBody === undefined ? [] : (['invalid_payload', 'message_too_large'] as const)),
    ...(parameters.length > inPath.length ? (['invalid_payload'] as const) : []),
    ...inPath.flatMap(({ name = '' }) => PATH_PARAMETERS[name] ?? []),
  ];
}

function asksForRole(requirement: Readonly<Record<string, readonly string[]>>): boolean {
  return Object.values(requirement).some((roles) => roles.length > 0);
}

function refusal(codes: readonly ErrorCode[], own: { content?: object; description?: string } | undefined): object {
  const told = codes.map((code) => `\`${code}\`: ${ERRORS[code].message}`).join(' ');
  const retried = codes.some((code) => ERRORS[code].retryable && [429, 503].includes(statusOf(code)));
  const description = own?.description === undefined || own.description === '' ? told : `${own.description} ${told}`;
  return {
    ...own,
    description,
    ...(retried && {
      headers: { 'Retry-After': { description: 'In seconds.', schema: { type: 'integer', minimum: 1 } } },
    }),
    content: { ...own?.content, [PROBLEM_CONTENT_TYPE]: { schema: problemSchema(codes) } },
  };
}

function problemSchema(codes: readonly ErrorCode[]): JsonSchema {
  const { $ref, $defs } = wireSchema(PROBLEM_DOCUMENT);
  const statuses = [...new Set(codes.map((code) => statusOf(code)))];
  return {
    allOf: [
      { ...($ref !== undefined && { $ref }) },
      { type: 'object', properties: { code: { enum: codes }, status: { enum: statuses } } },
    ],
    ...($defs !== undefined && { $defs }),
  };
}

/** The catalogue's status, but for what HTTP has a word of its own. */
function statusOf(code: ErrorCode): number {
  return code === 'unknown_request' ? 404 : ERRORS[code].status;
}
