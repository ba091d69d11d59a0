"""The QR code, read back from paper: black and white, at the resolutions of old printers and scanners."""

import pytest
import zxingcpp

from ivigsite.orders.sheet.furniture import code_text
from ivigsite.orders.sheet.states import Paper
from tests.sheet.reading import Case, file_of, first_page_printed

# WeasyPrint leaves its colour profile open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")


@pytest.mark.parametrize("dpi", [100, 150, 200, 300])
@pytest.mark.parametrize("paper", [Paper.A4, Paper.LETTER])
@pytest.mark.hazard("H16")
def test_the_code_of_a_signed_sheet_is_read_from_a_one_bit_raster(paper: Paper, dpi: int) -> None:
    case = Case("typical", "signed", paper)
    raster = first_page_printed(file_of(case), dpi)

    found = zxingcpp.read_barcodes(raster)

    assert [code.text for code in found] == [code_text(case.job.content)]
