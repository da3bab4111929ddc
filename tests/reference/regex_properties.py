"""Make ``grammars/regex/_property_tables.py`` from the Unicode data inside Node, and check that the file is current.

Run ``python -m tests.reference.regex_properties`` after an update of Node's Unicode version; needs ``node``.
"""

from __future__ import annotations

import base64
import json
import subprocess
import textwrap
import zlib
from pathlib import Path

BINARY = """
ASCII ASCII_Hex_Digit/AHex Alphabetic/Alpha Any Assigned Bidi_Control/Bidi_C Bidi_Mirrored/Bidi_M Case_Ignorable/CI
Cased Changes_When_Casefolded/CWCF Changes_When_Casemapped/CWCM Changes_When_Lowercased/CWL
Changes_When_NFKC_Casefolded/CWKCF Changes_When_Titlecased/CWT Changes_When_Uppercased/CWU Dash
Default_Ignorable_Code_Point/DI Deprecated/Dep Diacritic/Dia Emoji Emoji_Component/EComp Emoji_Modifier/EMod
Emoji_Modifier_Base/EBase Emoji_Presentation/EPres Extended_Pictographic/ExtPict Extender/Ext Grapheme_Base/Gr_Base
Grapheme_Extend/Gr_Ext Hex_Digit/Hex IDS_Binary_Operator/IDSB IDS_Trinary_Operator/IDST ID_Continue/IDC ID_Start/IDS
Ideographic/Ideo Join_Control/Join_C Logical_Order_Exception/LOE Lowercase/Lower Math Noncharacter_Code_Point/NChar
Pattern_Syntax/Pat_Syn Pattern_White_Space/Pat_WS Quotation_Mark/QMark Radical Regional_Indicator/RI
Sentence_Terminal/STerm Soft_Dotted/SD Terminal_Punctuation/Term Unified_Ideograph/UIdeo Uppercase/Upper
Variation_Selector/VS White_Space/space XID_Continue/XIDC XID_Start/XIDS
"""
SCRIPTS = """
Adlam/Adlm Ahom Anatolian_Hieroglyphs/Hluw Arabic/Arab Armenian/Armn Avestan/Avst Balinese/Bali Bamum/Bamu
Bassa_Vah/Bass Batak/Batk Bengali/Beng Bhaiksuki/Bhks Bopomofo/Bopo Brahmi/Brah Braille/Brai Buginese/Bugi Buhid/Buhd
Canadian_Aboriginal/Cans Carian/Cari Caucasian_Albanian/Aghb Chakma/Cakm Cham Cherokee/Cher Chorasmian/Chrs
Common/Zyyy Coptic/Copt/Qaac Cuneiform/Xsux Cypriot/Cprt Cypro_Minoan/Cpmn Cyrillic/Cyrl Deseret/Dsrt Devanagari/Deva
Dives_Akuru/Diak Dogra/Dogr Duployan/Dupl Egyptian_Hieroglyphs/Egyp Elbasan/Elba Elymaic/Elym Ethiopic/Ethi Garay/Gara
Georgian/Geor Glagolitic/Glag Gothic/Goth Grantha/Gran Greek/Grek Gujarati/Gujr Gunjala_Gondi/Gong Gurmukhi/Guru
Gurung_Khema/Gukh Han/Hani Hangul/Hang Hanifi_Rohingya/Rohg Hanunoo/Hano Hatran/Hatr Hebrew/Hebr Hiragana/Hira
Imperial_Aramaic/Armi Inherited/Zinh/Qaai Inscriptional_Pahlavi/Phli Inscriptional_Parthian/Prti Javanese/Java
Kaithi/Kthi Kannada/Knda Katakana/Kana Kawi Kayah_Li/Kali Kharoshthi/Khar Khitan_Small_Script/Kits Khmer/Khmr
Khojki/Khoj Khudawadi/Sind Kirat_Rai/Krai Lao/Laoo Latin/Latn Lepcha/Lepc Limbu/Limb Linear_A/Lina Linear_B/Linb Lisu
Lycian/Lyci Lydian/Lydi Mahajani/Mahj Makasar/Maka Malayalam/Mlym Mandaic/Mand Manichaean/Mani Marchen/Marc
Masaram_Gondi/Gonm Medefaidrin/Medf Meetei_Mayek/Mtei Mende_Kikakui/Mend Meroitic_Cursive/Merc
Meroitic_Hieroglyphs/Mero Miao/Plrd Modi Mongolian/Mong Mro/Mroo Multani/Mult Myanmar/Mymr Nabataean/Nbat
Nag_Mundari/Nagm Nandinagari/Nand New_Tai_Lue/Talu Newa Nko/Nkoo Nushu/Nshu Nyiakeng_Puachue_Hmong/Hmnp Ogham/Ogam
Ol_Chiki/Olck Ol_Onal/Onao Old_Hungarian/Hung Old_Italic/Ital Old_North_Arabian/Narb Old_Permic/Perm Old_Persian/Xpeo
Old_Sogdian/Sogo Old_South_Arabian/Sarb Old_Turkic/Orkh Old_Uyghur/Ougr Oriya/Orya Osage/Osge Osmanya/Osma
Pahawh_Hmong/Hmng Palmyrene/Palm Pau_Cin_Hau/Pauc Phags_Pa/Phag Phoenician/Phnx Psalter_Pahlavi/Phlp Rejang/Rjng
Runic/Runr Samaritan/Samr Saurashtra/Saur Sharada/Shrd Shavian/Shaw Siddham/Sidd SignWriting/Sgnw Sinhala/Sinh
Sogdian/Sogd Sora_Sompeng/Sora Soyombo/Soyo Sundanese/Sund Sunuwar/Sunu Syloti_Nagri/Sylo Syriac/Syrc Tagalog/Tglg
Tagbanwa/Tagb Tai_Le/Tale Tai_Tham/Lana Tai_Viet/Tavt Takri/Takr Tamil/Taml Tangsa/Tnsa Tangut/Tang Telugu/Telu
Thaana/Thaa Thai Tibetan/Tibt Tifinagh/Tfng Tirhuta/Tirh Todhri/Todr Toto Tulu_Tigalari/Tutg Ugaritic/Ugar Vai/Vaii
Vithkuqi/Vith Wancho/Wcho Warang_Citi/Wara Yezidi/Yezi Yi/Yiii Zanabazar_Square/Zanb
"""
SCRIPT = """
const asked = JSON.parse(require("fs").readFileSync(0));
function find(name) {
  const found = [];
  const tester = new RegExp("^\\\\p{" + name + "}$", "u");
  let begin = -1;
  for (let code = 0; code <= 0x110000; code++) {
    const inside = code < 0x110000 && tester.test(String.fromCodePoint(code));
    if (inside && begin < 0) begin = code;
    if (!inside && begin >= 0) { found.push([begin, code - 1]); begin = -1; }
  }
  return found;
}
console.log(JSON.stringify({unicode: process.versions.unicode, ranges: asked.map(find)}));
"""
TARGET = Path(__file__).parents[2] / "grammars" / "regex" / "_property_tables.py"


def read_ranges(names: list[str]) -> tuple[str, list[list[tuple[int, int]]]]:
    """Return Node's Unicode version, and the ranges of each property."""
    run = subprocess.run(["node", "-e", SCRIPT], input=json.dumps(names), capture_output=True, text=True, check=True)
    answer = json.loads(run.stdout)
    return answer["unicode"], answer["ranges"]


def write_number(value: int) -> bytes:
    """Return a little-endian number of 7 bits a byte."""
    digits = bytearray()
    while value >= 128:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes([*digits, value])


def write_ranges(ranges: list[tuple[int, int]]) -> bytes:
    """Return the count, then for each range the distance from the one before and the length."""
    row, end = write_number(len(ranges)), 0
    for first, last in ranges:
        row += write_number(first - end) + write_number(last - first)
        end = last
    return row


def quote_words(words: list[str]) -> str:
    """Return a string literal of words, over several lines."""
    lines = textwrap.wrap(" ".join(words), 108, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f'    "{line} "' for line in lines)


def quote_text(text: str) -> str:
    """Return a string literal, over several lines."""
    lines = [text[begin : begin + 108] for begin in range(0, len(text), 108)]
    return "\n".join('    "' + line.replace("\\", "\\\\").replace('"', '\\"') + '"' for line in lines)


def make_module() -> str:
    """Return the text of the table's module."""
    binary, scripts = BINARY.split(), SCRIPTS.split()
    names = [name.split("/")[0] for name in binary]
    names += [f"{kind}={name.split('/')[0]}" for name in scripts for kind in ("Script", "Script_Extensions")]
    version, found = read_ranges(names)
    blob, offsets, known = b"", [], dict[bytes, int]()
    for ranges in found:
        row = write_ranges(ranges)
        if row not in known:
            known[row] = len(blob)
            blob += row
        offsets.append(known[row])
    pairs = zip(offsets[len(binary) :: 2], offsets[len(binary) + 1 :: 2], strict=True)
    rows = [f"{name}:{offset}" for name, offset in zip(binary, offsets, strict=False)]
    script_rows = [f"{name}:{own}:{extended}" for name, (own, extended) in zip(scripts, pairs, strict=True)]
    ranges_text = quote_text(base64.b85encode(zlib.compress(blob, 9)).decode())
    return TEMPLATE.format(
        version=version.split(".")[0], binary=quote_words(rows), scripts=quote_words(script_rows), ranges=ranges_text
    )


TEMPLATE = '''"""Hold the symbol sets of ECMA-262's binary properties and scripts, Unicode {version}.

Made by ``tests/reference/regex_properties.py``.

``BINARY`` : ``Name/alias:offset``. ``SCRIPTS`` : ``Name/alias:offset of the script:offset of its extensions``.
``RANGES`` : base 85 of zlib of, at each offset, the number of ranges, then for each its distance from the end of the
one before and its length, all as little-endian numbers of 7 bits a byte.
"""

from __future__ import annotations

__all__ = ["BINARY", "RANGES", "SCRIPTS"]

BINARY = (
{binary}
)
SCRIPTS = (
{scripts}
)
RANGES = (
{ranges}
)
'''


if __name__ == "__main__":
    TARGET.write_text(make_module(), encoding="utf-8")
