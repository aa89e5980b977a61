import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const PRODUCT = ['src/**/*.ts'];
const TESTS = ['src/**/*.spec.ts', 'src/**/*.property-spec.ts', 'src/testing/**/*.ts', 'test/**/*.ts'];
const CLOCK = ['src/clock/**/*.ts'];
const IDS = ['src/ids/**/*.ts'];
/** Carries nothing of the server, so that it has a door of its own. */
const CLIENT_DOOR = ['src/client/surroundings.ts'];
const ENVIRONMENT = ['src/config/**/*.ts', 'src/main.ts'];

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'];
const askClock = 'Time and timers come through Clock (src/clock).';
const askIds = 'Randomness comes through src/ids.';
const askConfig = 'The environment is read in src/config alone; everything else is given options.';
const waitForThings = 'No sleeps: wait for the thing itself, or move a manual clock.';

const TIME = {
  globals: TIMERS.map((name) => ({ name, message: askClock })),
  properties: [
    { object: 'Date', property: 'now', message: askClock },
    { object: 'performance', property: 'now', message: askClock },
    { object: 'process', property: 'hrtime', message: askClock },
    ...['globalThis', 'global'].flatMap((object) =>
      [...TIMERS, 'performance', 'Date'].map((property) => ({ object, property, message: askClock })),
    ),
  ],
  imports: ['timers', 'timers/promises', 'perf_hooks'].flatMap((name) =>
    [name, `node:${name}`].map((path) => ({ name: path, message: askClock })),
  ),
  syntax: [
    { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: askClock },
    { selector: 'CallExpression[callee.name="Date"]', message: askClock },
  ],
};

const RANDOM = {
  properties: [
    { object: 'Math', property: 'random', message: askIds },
    { object: 'crypto', property: 'randomUUID', message: askIds },
    { object: 'crypto', property: 'getRandomValues', message: askIds },
  ],
  imports: ['crypto', 'node:crypto'].map((name) => ({
    name,
    importNames: ['default', 'randomBytes', 'randomFillSync', 'randomInt', 'randomUUID', 'webcrypto'],
    message: askIds,
  })),
};

const ENV = {
  properties: [{ object: 'process', property: 'env', message: askConfig }],
  imports: ['process', 'node:process'].map((name) => ({ name, message: 'Use the global process.' })),
};

/** Only severity given, ESLint would keep the options of an earlier block: an empty rule is off. */
const error = (...options) => (options.length === 0 ? 'off' : ['error', ...options]);

/** The doors of time, randomness and environment. A room that is a door itself leaves its own part out. */
const doors = (...parts) => ({
  'no-restricted-properties': error(...parts.flatMap((part) => part.properties)),
  'no-restricted-imports': error({ paths: parts.flatMap((part) => part.imports) }),
  'no-restricted-syntax': error(...parts.flatMap((part) => part.syntax ?? [])),
  'no-restricted-globals': error(...parts.flatMap((part) => part.globals ?? [])),
});

export default defineConfig(
  globalIgnores(['dist/', 'data/', 'coverage/']),
  { linterOptions: { noInlineConfig: true } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // A number reads the same in a template as alone.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // A Nest module is a class whose content is its decorator.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // Nest's own options are classes, and are given as literals.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // Ports are asynchronous; in an engine that is not, `async` makes what is thrown a rejection.
      '@typescript-eslint/require-await': 'off',
      // `() => timer.cancel()` says what is called; that nothing comes back is in its type.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // `while (true)` around an await is how a loop that ends from within reads.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // Brackets on an index signature say that the key may not be there.
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      // A leading underscore says that a parameter is there for its place alone.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
    },
  },

  { files: PRODUCT, rules: doors(TIME, RANDOM, ENV) },
  { files: CLOCK, rules: doors(RANDOM, ENV) },
  { files: IDS, rules: doors(TIME, ENV) },
  { files: CLIENT_DOOR, rules: doors(ENV) },
  { files: ENVIRONMENT, rules: doors(TIME, RANDOM) },

  {
    files: TESTS,
    rules: {
      // The module of one test is an empty class with a name; its content stands in the call.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true, allowEmpty: true }],
      // Methods are handed to expect() to be looked at, not to be called.
      '@typescript-eslint/unbound-method': 'off',
      // HTTP bodies, frames and expect.any() are `any` by their libraries' types; the assertion is the check.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      // What is not there fails the test, which is all that a check of it could do.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['src/**/*.spec.ts', 'src/**/*.property-spec.ts', 'test/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { paths: ['timers/promises', 'node:timers/promises'] }],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'NewExpression[callee.name="Promise"] CallExpression[callee.name="setTimeout"]',
          message: waitForThings,
        },
        { selector: 'CallExpression[callee.name="promisify"] > Identifier[name="setTimeout"]', message: waitForThings },
        { selector: 'AwaitExpression > CallExpression[callee.property.name="sleep"]', message: waitForThings },
        { selector: 'AwaitExpression > CallExpression[callee.name="sleep"]', message: waitForThings },
        {
          selector: 'MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(only|skip|todo)$/]',
          message: 'Every test runs.',
        },
      ],
    },
  },

  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        console: 'readonly',
        fetch: 'readonly',
        process: 'readonly',
        URL: 'readonly',
        URLSearchParams: 'readonly',
        performance: 'readonly',
        AbortController: 'readonly',
        AbortSignal: 'readonly',
        Buffer: 'readonly',
        TextDecoder: 'readonly',
        TextEncoder: 'readonly',
        ...Object.fromEntries(TIMERS.map((name) => [name, 'readonly'])),
      },
    },
    rules: { eqeqeq: 'error' },
  },
);
