/* Saves a text of the page as a file: the very text that is shown, so that both can't differ. */
(function () {
  "use strict";
  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("button[data-save]");
    var text = button && document.getElementById(button.dataset.from);
    if (!text) return;
    var link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text.textContent], { type: "application/yaml" }));
    link.download = button.dataset.save;
    link.click();
    URL.revokeObjectURL(link.href);
  });
})();
