/** A report as Markdown, to keep beside a run or to send. */

import { mergedRows } from "./story.js";

/** @typedef {import("./story.js").Story} Story */

/** A text that a cell of a table can hold. @param {string} text */
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/**
 * Verdicts, settings and scores of one run, or of two beside each other.
 * @param {Story[]} stories The run on show first.
 */
export function markdownOf(stories) {
  const lines = [`# ${stories.map(({ name }) => name).join(" and ")}`, ""];
  for (const { name, verdicts = [], note } of stories) {
    lines.push(`## Verdicts on ${name}`, "");
    for (const { title, word, evidence, step, source } of verdicts) lines.push(`* **${title}: ${word}.** ${evidence}${step ? ` Next: ${step}` : ""} (${source})`);
    if (note) lines.push("", note);
    lines.push("");
  }
  lines.push("## Settings, scores and cost", "", `| | ${stories.map(({ name }) => cell(name)).join(" | ")} |`, `| --- |${" --- |".repeat(stories.length)}`);
  for (const { name, cells } of mergedRows(stories.map(({ card }) => card))) lines.push(`| ${cell(name)} | ${cells.map((each) => cell([each?.text ?? "–", each?.detail].filter(Boolean).join("; "))).join(" | ")} |`);
  return `${lines.join("\n")}\n`;
}
