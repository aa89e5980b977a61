/** An OpenAI-compatible server, and the model to ask for there. */
export interface AssistantOptions {
  readonly model: string;
  /** Up to and without `/chat/completions`. Default: that of OpenAI itself. */
  readonly baseUrl?: string;
  /** Sent as bearer token. Default: none is sent. */
  readonly apiKey?: string;
}

export const OPENAI_URL = 'https://api.openai.com/v1';
