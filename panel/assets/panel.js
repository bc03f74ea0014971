// Makes the pages live; every one of them works without it.
//   - times are shown in the viewer's zone when pointed at
//   - parts of a page marked data-part are replaced by fresh ones while the page is visible
//   - keys: g and a letter goes to a page, / to the filter, ? shows the keys
(() => {
  "use strict";
  const base = document.body.dataset.base || "";

  const local = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.getTime())) time.title = `${at.toLocaleString()} · ${time.dateTime}`;
    }
  };
  local(document);

  // A part is left alone while somebody is in it.
  const busy = (part) => part.contains(document.activeElement) && document.activeElement !== document.body;
  const mark = document.querySelector("[data-live]");
  const parts = () => document.querySelectorAll("[data-part]");
  let waiting = null;
  const refresh = async () => {
    waiting = null;
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts()) {
        const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
        if (next && !busy(part) && next.innerHTML !== part.innerHTML) {
          part.className = next.className;
          part.innerHTML = next.innerHTML;
          local(part);
        }
      }
      const shown = fresh.querySelector("[data-live] time");
      const old = mark && mark.querySelector("time");
      if (shown && old) old.replaceWith(shown);
      if (mark) mark.dataset.state = "on";
    } catch {
      if (mark) mark.dataset.state = "off";
    }
    if (!stream) later(2000);
  };
  // One stream says when there is something new; without it the page asks every two seconds.
  // Nothing is asked while nobody looks.
  let stream = null;
  const shown = document.querySelector("[data-job]");
  const address = shown
    ? `${base}/live?queue=${encodeURIComponent(shown.dataset.jobQueue)}&id=${encodeURIComponent(shown.dataset.job)}`
    : `${base}/live`;
  const later = (wait) => {
    if (waiting === null && !document.hidden) waiting = setTimeout(refresh, wait);
  };
  const follow = () => {
    if (stream || document.hidden || parts().length === 0) return;
    stream = new EventSource(address);
    stream.onmessage = () => later(0);
    stream.onerror = () => {
      if (stream.readyState !== EventSource.CLOSED) return;
      stream = null;
      later(2000);
      setTimeout(follow, 10000);
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      if (stream) stream.close();
      stream = null;
    } else {
      follow();
      if (parts().length > 0) later(0);
    }
  });
  addEventListener("pagehide", () => { if (stream) stream.close(); stream = null; });
  addEventListener("pageshow", follow);
  if (mark) mark.dataset.state = "on";

  // What a filter may go on with.
  const filter = document.querySelector("[data-filter]");
  const choices = document.getElementById("completions");
  let typed = null;
  if (filter && choices) {
    filter.addEventListener("input", () => {
      clearTimeout(typed);
      typed = setTimeout(async () => {
        try {
          const answer = await fetch(`${base}/jobs/complete?q=${encodeURIComponent(filter.value)}`);
          if (!answer.ok) return;
          choices.replaceChildren(...(await answer.json()).slice(0, 20).map((text) => {
            const choice = document.createElement("option");
            choice.value = text;
            return choice;
          }));
        } catch { /* Completion is a convenience. */ }
      }, 120);
    });
  }

  const pages = {
    o: "/", h: "/held", j: "/jobs", q: "/queues", b: "/batches", p: "/operations", w: "/workers", l: "/limits", s: "/system",
  };
  const keys = document.getElementById("keys");
  let going = false;
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (going) {
      going = false;
      if (pages[event.key]) location.assign(base + pages[event.key]);
      return;
    }
    if (event.key === "g") {
      going = true;
      setTimeout(() => { going = false; }, 1500);
    } else if (event.key === "/") {
      event.preventDefault();
      if (filter) filter.focus();
      else location.assign(`${base}/jobs`);
    } else if (event.key === "?" && keys) {
      event.preventDefault();
      if (keys.open) keys.close();
      else keys.showModal();
    }
  });
})();
