// A chosen file is read here and put into the box; nothing is uploaded, and without this the box is pasted into.
"use strict";

const chooser = document.getElementById("content-file");
if (chooser) {
  document.getElementById("choose-file").hidden = false;
  chooser.addEventListener("change", async () => {
    const [file] = chooser.files;
    if (file) {
      document.getElementById(chooser.dataset.fills).value = await file.text();
    }
  });
}
