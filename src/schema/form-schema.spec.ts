import { describe, expect, it } from '@jest/globals';
import {
  Allow,
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  ValidateIf,
} from 'class-validator';

import { formSchema, type RuleContext } from './form-schema.js';
import { Meaning } from './meaning.js';

class Order {
  @Meaning('What it is called.')
  @IsString()
  name!: string;

  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER)
  count!: number;

  @IsOptional()
  @IsIn(['slow', 'fast'])
  speed?: string | null;

  @Meaning('For finding it.')
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(3, { context: { schema: { maxItems: 3, description: 'Three at most.' } } satisfies RuleContext })
  @IsIn(['a', 'b'], { each: true })
  tags?: string[];

  @ValidateIf((_, value) => value !== undefined)
  @IsString()
  note?: string;

  @Allow({ context: { schema: 'hidden' } satisfies RuleContext })
  later?: unknown;
}

class Reorder extends Order {
  @IsString()
  of!: string;
}

class Coded {
  @Matches(/^c/)
  code!: string;
}

describe('The schema of a form', () => {
  it('says what its rules ask', () => {
    expect(formSchema(Order)).toEqual({
      type: 'object',
      properties: {
        name: { type: 'string', description: 'What it is called.' },
        count: { type: 'integer', minimum: 1 },
        speed: { type: ['string', 'null'], enum: ['slow', 'fast', null] },
        tags: {
          type: ['array', 'null'],
          maxItems: 3,
          items: { type: 'string', enum: ['a', 'b'] },
          description: 'For finding it. Three at most.',
        },
        note: { type: 'string' },
      },
      required: ['name', 'count'],
    });
  });

  it('has the fields of the class that it extends', () => {
    const { properties, required } = formSchema(Reorder);

    expect(properties).toMatchObject({ name: { description: 'What it is called.' }, of: { type: 'string' } });
    expect([...(required ?? [])].sort()).toEqual(['count', 'name', 'of']);
  });

  it('is refused where a rule would be left out of it', () => {
    expect(() => formSchema(Coded)).toThrow(/rule 'matches' of Coded\.code has no JSON Schema/);
  });
});
