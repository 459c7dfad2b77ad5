/* The form of a decision: what was typed is kept for this tab alone until it is closed or the decision is recorded. Who saw it
   otherwise and who looked at it a second time are names of people, so they are not kept (the page does not send them here). */
(function () {
  "use strict";

  function clientside() {
    return window.dash_clientside;
  }
  function key(trial) {
    return "roadtest-decide-" + trial;
  }
  function name(field) {
    return typeof field.id === "string" ? field.id : "met-" + field.id.criterion;
  }
  function empty(value) {
    return value === undefined || value === null || value === "";
  }
  function stored(trial) {
    try {
      return JSON.parse(window.sessionStorage.getItem(key(trial))) || {};
    } catch (error) {
      return {};
    }
  }
  function keep(trial, fields) {
    var values = {};
    fields.forEach(function (field) {
      if (!empty(field.value)) values[name(field)] = field.value;
    });
    try {
      window.sessionStorage.setItem(key(trial), JSON.stringify(values));
    } catch (error) {
      // A browser that keeps nothing still has the form as long as the page is open.
    }
  }
  function forget(trial) {
    try {
      window.sessionStorage.removeItem(key(trial));
    } catch (error) {
      // Such a browser kept nothing.
    }
  }
  function pour(trial, fields) {
    var values = stored(trial);
    fields.forEach(function (field) {
      var value = values[name(field)];
      if (empty(field.value) && !empty(value)) clientside().set_props(field.id, { value: value });
    });
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    decide: {
      /* The first time: what was typed before the page was loaded anew. Later: what stands in the form. */
      kept: function (look) {
        var trial = clientside().callback_context.states_list[0].value;
        var form = document.getElementById("decide-form");
        var fields = clientside().callback_context.inputs_list.slice(1).flat();
        if (!form) return clientside().no_update;
        if (look.split(" ").indexOf("decided") >= 0) forget(trial);
        else if (form.dataset.poured === trial) keep(trial, fields);
        else {
          form.dataset.poured = trial;
          pour(trial, fields);
        }
        return clientside().no_update;
      },
      /* The first field with something to do; later, because the button that was pressed is set free only then. */
      focus: function (told) {
        window.setTimeout(function () {
          var place = told && told.field && document.getElementById(told.field);
          var field = place && (place.matches("input, textarea") ? place : place.querySelector("input:not(:disabled), textarea"));
          if (field) field.focus();
        }, 50);
        return clientside().no_update;
      },
    },
  });
})();
