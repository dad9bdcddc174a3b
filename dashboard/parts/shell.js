// What the frame around the pages needs beside Streamlit's own scripts; it runs once a tab.
if (!window.bakeoffFrame) {
  window.bakeoffFrame = true;

  // The phone's drawer puts groups between its list and the entries: no list for those who listen.
  const flatten = () => document
    .querySelectorAll('[data-testid="stSidebarNavItems"], [data-testid="stSidebarNavItems"] li')
    .forEach((item) => item.role === "presentation" || (item.role = "presentation"));
  new MutationObserver(flatten).observe(document.body, { childList: true, subtree: true });
  flatten();

  // An address that nobody did anything for is nowhere to go back to: Streamlit leads to another
  // page in two steps, and a page that opens may say what it chose by itself.
  const push = history.pushState.bind(history);
  let hasActed = false;
  history.pushState = (state, title, url) => {
    hasActed ? push(state, title, url) : history.replaceState(state, title, url);
    hasActed = false;
  };
  ["pointerdown", "click", "keydown", "wheel", "input", "change"].forEach((name) =>
    window.addEventListener(name, () => (hasActed = true), { capture: true, passive: true }));
  window.addEventListener("popstate", (event) => event.isOurs || (hasActed = false), true);
}
