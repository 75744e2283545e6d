// A quiz: a form that says at once whether an answer is right, and why. What is right and every text
// come from Python (optlib/quiz.py); here is only the form. Its whole state is the model's `picked`,
// `correct` and `attempts`, so that several views, and a kernel, agree.

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// HTML that Python rendered; what a reader typed only ever becomes text.
function rendered(tag, attributes, html) {
  const node = make(tag, attributes);
  node.innerHTML = html;
  return node;
}

// Without this attribute on the control itself, JupyterLab takes its keys as shortcuts.
const KEYS = { "data-lm-suppress-shortcuts": "true" };

const ONE = String.raw`[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?`;
const NUMBER = new RegExp(String.raw`^(${ONE})(?:\s*/\s*(${ONE}))?$`, "i");

// What a reader typed: { value }, or { problem } in words.
export function parse(typed) {
  const text = typed.trim().replaceAll("\u2212", "-");
  if (!text) return { problem: "Write a number first." };
  const parts = NUMBER.exec(text)?.slice(1).filter(Boolean);
  if (!parts) return { problem: `\u201c${typed.trim()}\u201d is not a number. Write it like 1.25, 125e-2 or 5/4.` };
  const unclear = parts.find((part) => /^[+-]?[1-9]\d{0,2},\d{3}(?!\d)/.test(part));
  if (unclear) { // a decimal comma, or one that groups thousands
    const [whole, decimal] = [unclear.replace(",", ""), unclear.replace(",", ".")];
    return { problem: `\u201c${unclear}\u201d can be read in two ways. Write ${whole} or ${decimal}.` };
  }
  const [top, bottom] = parts.map((part) => Number(part.replace(",", ".")));
  const value = bottom === undefined ? top : top / bottom;
  if (!Number.isFinite(value)) return { problem: `\u201c${typed.trim()}\u201d is not a finite number.` };
  return { value };
}

// The verdict on an answer; a number for which there is no reason is too large or too small.
function judge(model, picked) {
  const verdicts = model.get("verdicts");
  if (model.get("kind") === "choice") {
    const i = model.get("options").findIndex((option) => option.letter === picked);
    return { name: `(${picked})`, ...verdicts[i] };
  }
  const name = String(Number(picked.toPrecision(6)));
  const found = verdicts.find(({ low, high }) => low <= picked && picked <= high);
  if (found) return { name, ...found };
  const words = `It is too ${picked > verdicts[0].high ? "large" : "small"}.`;
  return { name, right: false, html: words, spoken: words };
}

function render({ model, el }) {
  const form = make("form", { class: "optlib optlib-quiz", novalidate: "" });
  const question = model.get("question");
  form.append(rendered("div", { class: "optlib-quiz-question" }, question.html));

  // Names are given as plain words: the text of a formula's elements alone would read "2L" for 2/L.
  const fields = make("fieldset", { "aria-label": question.spoken });
  const radios = model.get("options").map(({ letter, html, spoken }) => {
    const radio = make("input",
      { type: "radio", name: "picked", value: letter, "aria-label": `(${letter}) ${spoken}`, ...KEYS });
    fields.append(make("label", { class: "optlib-quiz-option" },
      radio, make("span", {}, `(${letter})`), rendered("span", {}, html)));
    return radio;
  });
  let input = null;
  if (model.get("kind") === "number") {
    const unit = model.get("unit");
    const within = `${model.get("within")} counts as right`;
    input = make("input", {
      type: "text", autocomplete: "off", spellcheck: "false", enterkeyhint: "done",
      "aria-label": `Your answer, a number${unit.spoken && ` in ${unit.spoken}`}; ${within}`, ...KEYS,
    });
    fields.append(
      make("label", { class: "optlib-quiz-number" }, "Your answer", input, rendered("span", {}, unit.html)),
      make("p", { class: "optlib-quiz-note" }, `A number; ${within}.`));
    input.addEventListener("input", () => input.removeAttribute("aria-invalid"));
    // A browser submits on Enter by itself, but JupyterLab cancels that in text fields.
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
  }

  const check = make("button", { type: "submit", ...KEYS }, "Check");
  const verdict = make("div", { class: "optlib-quiz-verdict" });
  const status = make("div", { role: "status", class: "optlib-spoken" });
  const answer = make("details", { class: "optlib-quiz-answer" },
    make("summary", KEYS, "Show answer and all reasons"), rendered("div", {}, model.get("answer")));
  form.append(fields, check, verdict, status, answer);

  const say = (kind, icon, heading, text, spoken) => {
    verdict.dataset.kind = kind;
    verdict.hidden = !heading;
    verdict.replaceChildren(
      make("span", { "aria-hidden": "true", class: "optlib-quiz-icon" }, icon),
      make("div", {}, make("strong", {}, heading), " ", ...text));
    status.textContent = spoken;
  };

  const show = () => {
    const attempts = model.get("attempts"), picked = model.get("picked");
    answer.hidden = attempts === 0;
    if (attempts === 0) {
      answer.open = false;
      return say("", "", "", [], "");
    }
    for (const radio of radios) radio.checked = radio.value === picked;
    if (input && parse(input.value).value !== picked) input.value = picked; // another view's answer
    const { name, right, html, spoken } = judge(model, picked);
    const heading = `${name} is ${right ? "right" : "not right"}.`;
    const text = [rendered("span", {}, html)];
    let said = `${heading} ${spoken}`;
    const hints = model.get("hints"), hint = hints[Math.min(attempts, hints.length) - 1];
    if (hint && !right) {
      text.push(rendered("p", {}, `Hint: ${hint.html}`));
      said += ` Hint: ${hint.spoken}`;
    }
    // The count makes every message new: a screen reader is silent about one that stays the same.
    say(right ? "right" : "wrong", right ? "\u2713" : "\u2717", heading, text, `Attempt ${attempts}: ${said}`);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    let picked;
    if (input) {
      const { value, problem } = parse(input.value);
      if (problem) {
        input.setAttribute("aria-invalid", "true");
        return say("unclear", "?", problem, [], problem);
      }
      picked = value;
    } else {
      picked = radios.find((radio) => radio.checked)?.value;
      if (!picked) return say("unclear", "?", "Choose an option first.", [], "Choose an option first.");
    }
    model.set("picked", picked);
    model.set("correct", judge(model, picked).right);
    model.set("attempts", model.get("attempts") + 1); // last: what listens to it finds the others new
    model.save_changes();
  });

  model.on("change:attempts", show);
  show();
  el.append(form);
  return () => model.off("change:attempts", show);
}

export default { render };
