/* Runs before the page is drawn: puts the reader's colour scheme on the root element, and scheme and width into
   cookies, from which the server draws the charts. Nothing else is stored. */
(function () {
  "use strict";
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var phone = window.matchMedia("(max-width: 720px)");

  function read(name) {
    var found = document.cookie.match(new RegExp("(?:^|; )" + name + "=([^;]*)"));
    return found ? found[1] : null;
  }
  function write(name, value) {
    document.cookie = name + "=" + value + "; path=/; max-age=31536000; SameSite=Lax";
  }
  function apply() {
    var chosen = read("chosen");
    var scheme = chosen || (dark.matches ? "dark" : "light");
    var before = read("scheme") + read("narrow");
    write("scheme", scheme);
    write("narrow", phone.matches ? "1" : "0");
    document.documentElement.dataset.scheme = scheme;
    return before !== read("scheme") + read("narrow");
  }
  function redraw() {
    if (apply()) window.dispatchEvent(new Event("roadtest:redraw"));
  }

  apply();
  dark.addEventListener("change", redraw);
  phone.addEventListener("change", redraw);
  document.addEventListener("click", function (event) {
    if (!event.target.closest || !event.target.closest("#scheme")) return;
    write("chosen", document.documentElement.dataset.scheme === "dark" ? "light" : "dark");
    redraw();
  });
})();
