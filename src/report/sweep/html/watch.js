// What goes wrong in the page is told by its root element, where a test can read it.
(() => {
  const root = document.documentElement;
  root.dataset.errors = "0";
  root.dataset.violations = "0";
  const count = name => () => { root.dataset[name] = String(Number(root.dataset[name]) + 1); };
  addEventListener("error", count("errors"), true);
  document.addEventListener("securitypolicyviolation", count("violations"));
})();
