/* Learn: goes to the part that the address names once the page is there, and tells the page when the colours change. */
(function () {
  "use strict";
  var gone = ""; // the address that was gone to last
  var part = null; // the part that is kept in place while the charts above it find their size

  function arrive() {
    var page = document.getElementById("learn");
    if (!page) {
      gone = "";
      return;
    }
    var hash = window.location.hash;
    if (!hash || hash === gone) return;
    var found = document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!found) return;
    gone = hash;
    part = found;
    part.scrollIntoView();
    sizes.disconnect();
    sizes.observe(page);
  }
  function leave() {
    part = null; // the reader moves on by themselves
  }

  var sizes = new ResizeObserver(function () {
    if (part) part.scrollIntoView();
  });
  ["wheel", "touchmove", "keydown", "pointerdown"].forEach(function (sign) {
    window.addEventListener(sign, leave, { passive: true });
  });

  window.addEventListener("roadtest:redraw", function () {
    if (document.getElementById("learn-rows")) window.dash_clientside.set_props("learn-screen", { data: String(Date.now()) });
  });
  new MutationObserver(arrive).observe(document.documentElement, { childList: true, subtree: true });
})();
