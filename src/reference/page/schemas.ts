import type { JsonSchema } from '../../schema/index.js';
import { html, NOTHING, prose, type Html } from './html.js';

const COMPONENTS = '#/components/schemas/';

/** A field of a form, by its path: `requests.held`, `inputs[].prompt`. */
interface Field {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** Shows forms. Those with a name are linked to where the page has them. */
export class Schemas {
  constructor(private readonly named: Readonly<Record<string, JsonSchema>>) {}

  /** The form itself, where it is only referred to by its name. */
  resolved(schema: JsonSchema): JsonSchema {
    const name = nameOf(schema);
    return name === null ? schema : (this.named[name] ?? schema);
  }

  /** The fields of a form as a table; a form of another kind in a sentence. */
  show(schema: JsonSchema): Html {
    if (nameOf(schema) !== null) return html`<p>${this.typeOf(schema)}</p>`;
    const alternatives = schema.anyOf ?? schema.oneOf;
    if (alternatives?.some((one) => one.properties !== undefined) === true) {
      const shown = alternatives.map((one) => this.show(one));
      return html`${shown.flatMap((one, index) => (index === 0 ? [one] : [html`<p>or</p>`, one]))}`;
    }
    const fields = fieldsOf(schema, '');
    if (fields.length === 0) return html`<p>${this.typeOf(schema)} ${meaningOf(schema)}</p>`;
    return html`<table>
      <thead>
        <tr>
          <th>field</th>
          <th>type</th>
          <th>meaning</th>
        </tr>
      </thead>
      <tbody>
        ${fields.map((field) => this.#row(field))}
      </tbody>
    </table>`;
  }

  /** In words: `string, 1–256 characters`, `list of Event`. */
  typeOf(schema: JsonSchema): Html {
    const name = nameOf(schema);
    if (name !== null) return html`<a href="#form-${name}">${name}</a>`;
    if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
    if (schema.enum !== undefined)
      return joined(schema.enum.map((value) => html`<code>${JSON.stringify(value)}</code>`));
    const alternatives = schema.anyOf ?? schema.oneOf;
    if (alternatives !== undefined) return joined(alternatives.map((one) => this.typeOf(one)));
    if (schema.allOf !== undefined) return joined(schema.allOf.map((one) => this.typeOf(one)));
    const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? ['any JSON']);
    const words = types.map((type) => (type === 'array' ? html`list${this.#ofItems(schema)}` : html`${type}`));
    return html`${joined(words)}${boundsOf(schema)}`;
  }

  #ofItems({ items }: JsonSchema): Html {
    return items === undefined || items.properties !== undefined ? NOTHING : html` of ${this.typeOf(items)}`;
  }

  #row({ path, schema, required }: Field): Html {
    return html`<tr>
      <td><code>${path}</code>${required ? NOTHING : html` <span class="optional">optional</span>`}</td>
      <td>${this.typeOf(schema)}</td>
      <td>${meaningOf(schema)}</td>
    </tr>`;
  }
}

function nameOf({ $ref }: JsonSchema): string | null {
  return $ref?.startsWith(COMPONENTS) === true ? $ref.slice(COMPONENTS.length) : null;
}

function fieldsOf(schema: JsonSchema, parent: string): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const path = `${parent}${name}`;
    const field = { path, schema: inner, required: schema.required?.includes(name) ?? false };
    return [field, ...fieldsOf(inner, `${path}.`), ...fieldsOf(inner.items ?? {}, `${path}[].`)];
  });
}

function meaningOf({ description = '', default: otherwise }: JsonSchema): Html {
  const unless = otherwise === undefined ? '' : ` \`${JSON.stringify(otherwise)}\` when it is not given.`;
  return prose(`${description}${unless}`.trim());
}

function boundsOf({ minLength, maxLength, minimum, maximum, minItems, maxItems }: JsonSchema): Html {
  const bounds = [
    range(minLength, maxLength, ' characters'),
    range(minimum, maximum, ''),
    range(minItems, maxItems, ' items'),
  ];
  return html`${bounds.filter((bound) => bound !== '').join('')}`;
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
  if (least !== undefined && most !== undefined) return `, ${least}–${most}${unit}`;
  if (least !== undefined) return `, at least ${least}${unit}`;
  return most === undefined ? '' : `, at most ${most}${unit}`;
}

function joined(parts: readonly Html[]): Html {
  return html`${parts.flatMap((part, index) => (index === 0 ? [part] : [html` or `, part]))}`;
}
