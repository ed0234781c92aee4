
// What leaves the page: Python code, weights, data; and gradients checked by differences.

function buildLeave() {
  byId("save-code").addEventListener("click", () => save("lab.py", run.toPython()));
  byId("save-weights").addEventListener("click", () => save(FILES.net, run.toFile()));
  byId("save-run").addEventListener("click", () => save(FILES.run, run.toRunFile()));
  byId("check").addEventListener("click", checkNow);
  byId("code-box").addEventListener("toggle", showCode);
}

function save(name, content) {
  const link = make("a", { download: name, href: URL.createObjectURL(new Blob([content])) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function showCode() {
  if (byId("code-box").open) byId("code").textContent = run.toPython();
}

function checkNow() {
  const { ok, checked, count, bends, worst } = run.checkGradients();
  const skipped = bends ? ` ${bends} were left out: their differences cross a bend.` : "";
  const which = worst ? ` The least equal: layer ${worst.layer}, ${worst.name}[${worst.index}], by hand ${written(worst.byHand)}, by difference ${written(worst.byDifference)}.` : "";
  byId("checked").className = ok ? "small" : "small wrong";
  byId("checked").textContent = ok
    ? `${checked} of ${count} gradients equal the loss's differences.${skipped}${which}`
    : `A gradient is not what the loss's differences say.${skipped}${which}`;
}
