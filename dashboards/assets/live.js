/* Asks every second and a half whether the page's data changed, and if so tells the page's dcc.Store, whose callback
   redraws in place: within two seconds of the commit, with room for the redraw. Rests while the tab is hidden. Whoever may
   no longer see the page asks for it once more, and the server says why or leads them to where they can sign in. */
(function () {
  "use strict";
  var PERIOD = 1500;
  var mark = null;
  var etag = null;
  var timer = null;
  var leaving = false;

  var ask_server = window.fetch;
  window.fetch = async function () {
    var answer = await ask_server.apply(window, arguments);
    if (answer.status === 401 && !leaving) {
      leaving = true; // once: the answer to the next would know of no link any more
      window.location.reload();
    }
    return answer;
  };

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
      var answer = await fetch(mark.dataset.url, {
        headers: { "If-None-Match": etag },
        cache: "no-store",
        referrerPolicy: "no-referrer" // a poll is mostly heads
      });
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
