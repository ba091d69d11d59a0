// Lets a running clock run between two answers of the server, which alone says when it started and how long ago.
"use strict";

(() => {
  const seenAt = new WeakMap();

  // As the server writes it: to the second in the first hour.
  const words = (seconds) => {
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) {
      return minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
    }
    const hours = Math.floor(minutes / 60);
    return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
  };

  const tick = () => {
    for (const clock of document.querySelectorAll("[data-elapsed-seconds]")) {
      if (!seenAt.has(clock)) {
        seenAt.set(clock, Date.now());
      }
      const here = Math.floor((Date.now() - seenAt.get(clock)) / 1000);
      const text = words(Number(clock.dataset.elapsedSeconds) + Math.max(0, here));
      if (clock.textContent !== text) {
        clock.textContent = text;
      }
    }
  };

  tick();
  setInterval(tick, 1000);
})();
