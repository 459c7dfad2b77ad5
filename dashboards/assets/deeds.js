/* A press whose answer never comes, because the server can't be reached, is told beside its button, and the button can be
   pressed again: Dash takes back what a callback changed while it ran only once there is an answer. What was typed stays. */
(function () {
  "use strict";
  var SAID = "Not recorded: the server couldn't be reached. Press again.";
  var UNREACHED = [502, 503]; // what stands between answers so in the server's stead

  /* Dash's own name of an element: ids of several parts are written with their keys in order. */
  function element(id) {
    var parts = typeof id === "string" ? id : JSON.stringify(id, Object.keys(id).sort());
    return document.getElementById(parts);
  }
  function pressed(sent) {
    var prop = (sent.changedPropIds || []).find(function (each) {
      return each.endsWith(".n_clicks");
    });
    if (!prop) return null;
    var id = prop.slice(0, -".n_clicks".length);
    return id.charAt(0) === "{" ? JSON.parse(id) : id;
  }
  function part(type, props) {
    return { namespace: "dash_html_components", type: type, props: props };
  }
  function sentence() {
    var sign = part("Span", { className: "icon icon-warn", "aria-hidden": "true" });
    return [part("P", { className: "outcome-refused", children: [sign, part("Span", { children: SAID })] })];
  }
  /* Only a press that says beside its button what became of it is a deed. */
  function tell(body) {
    var sent = JSON.parse(body);
    var button = pressed(sent);
    if (!button) return;
    [].concat(sent.outputs || []).forEach(function (output) {
      var place = output && output.property && output.property.split("@")[0] === "children" && element(output.id);
      if (!place || !place.classList.contains("outcome")) return;
      window.dash_clientside.set_props(output.id, { children: sentence() });
      if (element(button) && element(button).disabled) window.dash_clientside.set_props(button, { disabled: false });
    });
  }
  function asks(address, options) {
    return String(address).indexOf("/_dash-update-component") >= 0 && options && typeof options.body === "string";
  }

  var ask_server = window.fetch;
  window.fetch = async function (address, options) {
    if (!asks(address, options)) return ask_server.apply(window, arguments);
    try {
      var answer = await ask_server.apply(window, arguments);
      if (UNREACHED.indexOf(answer.status) >= 0) tell(options.body);
      return answer;
    } catch (error) {
      tell(options.body);
      throw error;
    }
  };
})();
