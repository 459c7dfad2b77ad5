/* Asks every two seconds whether the page's data changed, and if so tells the page's dcc.Store, whose callback
   redraws in place. Rests while the tab is hidden. */
(function () {
  "use strict";
  var PERIOD = 2000;
  var mark = null;
  var etag = null;
  var timer = null;

  function tell(reason) {
    var found = document.getElementById("live-mark");
    if (found) window.dash_clientside.set_props(found.dataset.store, { data: reason });
  }
  function next(wait) {
    clearTimeout(timer);
    timer = setTimeout(ask, wait);
  }
  async function ask() {
    var found = document.getElementById("live-mark");
    if (!found || document.hidden) return next(PERIOD);
    if (found !== mark) {
      mark = found;
      etag = found.dataset.etag;
    }
    try {
      var answer = await fetch(mark.dataset.url, { headers: { "If-None-Match": etag }, cache: "no-store" });
      document.documentElement.dataset.live = answer.ok || answer.status === 304 ? "on" : "lost";
      if (answer.status === 200) {
        etag = answer.headers.get("ETag");
        tell(etag);
      }
    } catch (error) {
      document.documentElement.dataset.live = "lost";
    }
    next(PERIOD);
  }

  document.addEventListener("visibilitychange", function () {
    if (!document.hidden) next(0);
  });
  window.addEventListener("roadtest:redraw", function () {
    window.dash_clientside.set_props("mantine", { forceColorScheme: document.documentElement.dataset.scheme });
    tell("screen " + Date.now());
  });
  next(200);
})();
