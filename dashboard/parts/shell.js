// What the frame around the pages needs beside Streamlit's own scripts; it runs once a tab.
if (!window.bakeoffFrame) {
  window.bakeoffFrame = true;

  // The phone's drawer puts groups between its list and the entries: no list for those who listen.
  const flatten = () => document
    .querySelectorAll('[data-testid="stSidebarNavItems"], [data-testid="stSidebarNavItems"] li')
    .forEach((item) => item.role === "presentation" || (item.role = "presentation"));
  new MutationObserver(flatten).observe(document.body, { childList: true, subtree: true });
  flatten();

  // Streamlit leads to another page in two steps: its parameters on the old page, then the page.
  // The first is nowhere to go back to. Both come without anybody doing something between them.
  const push = history.pushState.bind(history);
  let halfway = "";
  history.pushState = (state, title, url) => {
    const to = new URL(url, location.href);
    const isSecond = halfway === location.href && to.pathname !== location.pathname && to.search === location.search;
    isSecond ? history.replaceState(state, title, url) : push(state, title, url);
    halfway = isSecond ? "" : location.href;
  };
  ["pointerdown", "keydown", "popstate"].forEach((name) => window.addEventListener(name, () => (halfway = ""), true));
}
