// Puts a site's sign-up into a page of its own:
//   <script src="https://…/registration/embed/embed.js" data-site="…" async></script>
// The page's origin must be among those that the site allows. The frame tells its height; nothing else passes.
(() => {
  const script = document.currentScript;
  const base = new URL(".", script.src);
  const frame = document.createElement("iframe");
  frame.src = new URL(`sites/${encodeURIComponent(script.dataset.site)}`, base);
  frame.title = script.dataset.title || "活动报名 Sign-up";
  frame.loading = "lazy";
  frame.style.cssText = "width:100%;min-height:30rem;border:0";
  addEventListener("message", (event) => {
    const told = event.data && event.data.heshengHeight;
    if (event.origin === base.origin && event.source === frame.contentWindow && told > 0 && told < 20000) {
      frame.style.height = `${Math.ceil(told)}px`;
    }
  });
  script.after(frame);
})();
