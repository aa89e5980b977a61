import 'reflect-metadata';

const MEANING = Symbol('meaning');

/** Says what a field of a request is for, to those who read its description. */
export function Meaning(text: string): PropertyDecorator {
  return (target, property) => Reflect.defineMetadata(MEANING, text, target, property);
}

export function meaningOf(type: new () => object, property: string): string | undefined {
  return Reflect.getMetadata(MEANING, type.prototype as object, property) as string | undefined;
}
