// Tells the page around how high this one is.
(() => {
  if (parent === window) return;
  const tell = () => parent.postMessage({ heshengHeight: document.documentElement.scrollHeight }, "*");
  new ResizeObserver(tell).observe(document.body);
  tell();
})();
