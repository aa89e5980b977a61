import { Injectable } from '@nestjs/common';
import { AppModule, Redactor, RuleRedactor, type Config, type RedactionRules } from '../../src/index.js';

/** Staff numbers, and whatever stands in a field `iban` or `tax id`. */
const RULES: RedactionRules = {
  names: ['iban', 'tax id'],
  patterns: [/\bEMP-\d{6}\b/],
  limits: { maxStringLength: 65_536 },
  off: ['cookie'],
};

/** Numbers of payment cards, which no pattern can tell from others: their last digit checks the rest. */
@Injectable()
class CardRedactor extends Redactor {
  constructor(private readonly rules: RuleRedactor) {
    super();
  }

  override redact<T>(value: T): T {
    const safe = JSON.stringify(this.rules.redact(value), (_key, part: unknown) =>
      typeof part === 'string' ? withoutCards(part) : part,
    );
    return JSON.parse(safe) as T;
  }

  override redactText(text: string): string {
    return withoutCards(this.rules.redactText(text));
  }
}

function withoutCards(text: string): string {
  return text.replace(/\b\d(?:[ -]?\d){12,18}\b/g, (found) => (isCard(found) ? '[card]' : found));
}

function isCard(found: string): boolean {
  const digits = Array.from(found.replace(/\D/g, ''), Number).reverse();
  const sum = digits.reduce((before, digit, at) => before + (at % 2 === 0 ? digit : ((2 * digit - 1) % 9) + 1), 0);
  return sum % 10 === 0;
}

/** Both together: the class asks the rules first. */
export const careful = (config: Config) => AppModule.forRoot(config, [], { redaction: RULES, redactor: CardRedactor });
