"""The printed order sheet: what it says (content), how (wording), and the file (render, worker)."""
