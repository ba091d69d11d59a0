// What the pages cannot do by themselves. Every page works without this file; nothing here decides anything clinical.
"use strict";

(() => {
  const alertRegion = document.getElementById("app-alert");

  const say = (title, text) => {
    const heading = document.createElement("h1");
    heading.textContent = title;
    const paragraph = document.createElement("p");
    paragraph.textContent = text;
    alertRegion.replaceChildren(heading, paragraph);
  };

  // A request that fails must never fail in silence. Error pages bring their own words (#problem, see base.html);
  // these are for answers without any, and for no answer at all.

  let failedElement = null;

  document.addEventListener("htmx:responseError", (event) => {
    failedElement = event.detail.elt;
    if (!alertRegion.textContent.trim()) {
      say("This did not work", `The server answered with ${event.detail.xhr.status}. Nothing was saved. Try again.`);
    }
  });

  document.addEventListener("htmx:sendError", (event) => {
    failedElement = event.detail.elt;
    say("No connection", "The server cannot be reached. What you see may be out of date, and nothing was saved.");
  });

  document.addEventListener("htmx:timeout", (event) => {
    failedElement = event.detail.elt;
    say("No answer", "The server did not answer in time. What you see may be out of date. Check before you send again.");
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful && event.detail.elt === failedElement) {
      failedElement = null;
      alertRegion.replaceChildren();
    }
  });

  // What the person unfolded stays unfolded when new advice arrives.

  let unfolded = [];

  document.addEventListener("htmx:beforeSwap", (event) => {
    unfolded = [...event.detail.target.querySelectorAll("details[open][id]")].map((details) => details.id);
  });

  document.addEventListener("htmx:afterSwap", () => {
    for (const id of unfolded) {
      document.getElementById(id)?.setAttribute("open", "");
    }
    document.querySelector(".error-summary[data-new]")?.focus();
    document.querySelector(".error-summary[data-new]")?.removeAttribute("data-new");
  });

  document.querySelector(".error-summary")?.focus();

  // What is folded says how many of its questions are answered, those of a minute ago too.

  const isAnswer = (control) =>
    !control.name.endsWith("_unit") &&
    (control.checked || !["radio", "checkbox"].includes(control.type)) &&
    !["", "unknown"].includes(control.value.trim());

  document.addEventListener("change", (event) => {
    const fold = event.target.closest(".fold");
    const said = fold?.querySelector("[data-answered]");
    if (said) {
      const questions = [...fold.querySelectorAll(".fold-body > *")];
      const answered = questions.filter((question) =>
        [...question.querySelectorAll("input, select, textarea")].some(isAnswer),
      ).length;
      said.textContent = answered ? `${answered} answered` : "none answered yet";
    }
  });

  // A copy takes a moment to make; until its file comes, the page says so, and a second press makes no second copy.

  const makings = () => document.querySelectorAll("form[data-making] .making");

  document.addEventListener("submit", (event) => {
    const said = event.target.closest("[data-making]")?.querySelector(".making");
    if (said?.textContent) {
      event.preventDefault();
    } else if (said) {
      const bar = document.createElement("progress");
      bar.setAttribute("aria-hidden", "true");
      said.replaceChildren("The copy is being made ", bar);
      setTimeout(() => said.replaceChildren(), 20000);
      tellPlace(said, said.closest("[data-path]"), bar);
    }
  });

  // The browser waits for the file; meanwhile the page can still ask how many sheets of the site come first.

  const tellPlace = async (said, panel, bar) => {
    while (panel && said.contains(bar)) {
      await new Promise((done) => setTimeout(done, 1000));
      const answer = await fetch(panel.dataset.path, { headers: { "HX-Request": "true" } }).catch(() => null);
      if (!answer?.ok || !said.contains(bar)) {
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const before = Number(page.querySelector("[data-before]")?.dataset.before);
      const place = before ? `The copy is being made; ${before} before it ` : "The copy is being made ";
      said.firstChild.textContent = place;
    }
  };

  // The page that is gone back to was left while it said so.
  window.addEventListener("pageshow", () => makings().forEach((said) => said.replaceChildren()));

  // A list that refreshes itself says when it stops doing so: after two misses, and after the computer has slept.

  for (const live of document.querySelectorAll("[data-live-seconds]")) {
    const interval = Number(live.dataset.liveSeconds) * 1000;
    const banner = document.getElementById(live.dataset.liveBanner);
    let lastAnswer = Date.now();
    document.addEventListener("htmx:afterRequest", (event) => {
      if (event.detail.successful && event.detail.target.id === live.id) {
        lastAnswer = Date.now();
        banner.hidden = true;
      }
    });
    setInterval(() => {
      banner.hidden = Date.now() - lastAnswer < 2 * interval + 5000;
    }, 1000);
  }

  // The server ends an idle session whatever happens here. This warns a minute before, and clears the screen after.

  const warning = document.getElementById("idle-warning");
  if (warning) {
    const form = warning.querySelector("form");
    const countdown = warning.querySelector("[data-countdown]");
    const warnAt = Number(warning.dataset.warnSeconds);
    let endsAt = Date.now() + Number(warning.dataset.secondsLeft) * 1000;
    let asking = false;

    const note = (secondsLeft) => {
      endsAt = Date.now() + secondsLeft * 1000;
      if (secondsLeft > warnAt && warning.open) {
        warning.close();
      }
    };

    // With X-Poll the server answers how long is left and does not count it as something the person did.
    const ask = async (headers) => {
      if (asking) {
        return;
      }
      asking = true;
      try {
        const response = await fetch(form.action, {
          method: "POST",
          body: new URLSearchParams(new FormData(form)),
          headers: { "HX-Request": "true", ...headers },
        });
        if (response.status === 401 || response.status === 403) {
          location.assign(location.pathname + location.search);
        } else if (response.ok) {
          note(Number(response.headers.get("X-Session-Seconds-Left")));
        }
      } catch (error) {
        if (!(error instanceof TypeError)) {
          throw error;
        }
        say("No connection", "The server cannot be reached, so your session may end.");
      } finally {
        asking = false;
      }
    };

    document.addEventListener("htmx:afterRequest", (event) => {
      const left = event.detail.xhr?.getResponseHeader("X-Session-Seconds-Left");
      if (left) {
        note(Number(left));
      }
    });

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask({});
    });

    setInterval(async () => {
      const left = Math.ceil((endsAt - Date.now()) / 1000);
      if (left > warnAt) {
        return;
      }
      if (!warning.open) {
        // Another tab may have kept the session alive.
        await ask({ "X-Poll": "1" });
        if (endsAt - Date.now() > warnAt * 1000) {
          return;
        }
        warning.showModal();
      }
      countdown.textContent = String(Math.max(0, left));
      if (left <= 0 && left % 10 === 0) {
        ask({ "X-Poll": "1" });
      }
    }, 1000);
  }

  // A wheel turned over a focused number must scroll the page, not change the number.
  document.addEventListener("wheel", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.type === "number") {
      event.target.blur();
    }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) {
      window.print();
    }
  });
})();
