import js from "@eslint/js";
import globals from "globals";

const rules = {
  "array-callback-return": "error",
  curly: ["error", "multi-line"],
  "default-case-last": "error",
  eqeqeq: ["error", "always"],
  "no-alert": "error",
  "no-console": ["error", { allow: ["warn", "error"] }],
  "no-constructor-return": "error",
  "no-eval": "error",
  "no-implicit-coercion": ["error", { allow: ["!!", "+"] }],
  "no-implicit-globals": "error",
  "no-implied-eval": "error",
  "no-new-func": "error",
  "no-param-reassign": "error",
  "no-return-assign": "error",
  "no-script-url": "error",
  "no-self-compare": "error",
  "no-shadow": "error",
  "no-template-curly-in-string": "error",
  "no-throw-literal": "error",
  "no-unmodified-loop-condition": "error",
  "no-unreachable-loop": "error",
  "no-unused-expressions": "error",
  "no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "all" }],
  "no-use-before-define": ["error", { functions: false, variables: false }],
  "no-var": "error",
  "object-shorthand": "error",
  "prefer-const": "error",
  "prefer-promise-reject-errors": "error",
  "prefer-template": "error",
  "require-atomic-updates": "error",
};

/** Markup made of strings is where data turns into code: the page builds elements and sets text instead. */
const noMarkupFromStrings = {
  "no-restricted-properties": [
    "error",
    { property: "outerHTML", message: "Build elements and set textContent." },
    { property: "insertAdjacentHTML", message: "Build elements and set textContent." },
    { object: "document", property: "write", message: "Build elements and set textContent." },
  ],
  "no-restricted-syntax": [
    "error",
    {
      selector: "AssignmentExpression[left.property.name='innerHTML']",
      message: "Build elements and set textContent.",
    },
  ],
};

export default [
  { ignores: ["**/node_modules/", ".venv/", "scratch/", "explorer/ui/bundle/", "**/*.min.js"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: ["explorer/ui/static/**/*.js"],
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: { ...globals.browser, Plotly: "readonly" } },
    rules: { ...rules, ...noMarkupFromStrings },
  },
  {
    files: ["tests/js/**/*.js", "**/*.mjs"],
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: globals.node },
    rules: { ...rules, "no-console": "off", "no-template-curly-in-string": "off" },
  },
];
