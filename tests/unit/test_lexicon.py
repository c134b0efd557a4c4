"""The shipped lists are well formed, reviewed rules hold for them, and the lexicon answers as it says."""

from __future__ import annotations

import gzip
import re
import struct
import unicodedata
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_broadcast.core.lexicon import Drug, DrugKind, Lexicon, fold, normal
from clinic_broadcast.core.packed_words import pack, pack_late
from clinic_broadcast.errors import SettingsError
from clinic_broadcast.settings.lexicon import FILES, load_lexicon

FOLDER = resources.files("clinic_broadcast").joinpath("lexicons")
BIG = tuple(name for name in FILES if name.endswith(".gz"))
PLAIN = tuple(name for name in FILES if name.endswith((".txt", ".tsv")))
WORD = st.text(st.characters(categories=["Ll"]), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return load_lexicon()


def entries(name: str) -> list[str]:
    """Give the entries of a shipped list as they stand in it."""
    content = FOLDER.joinpath(name).read_bytes()
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("name", [*PLAIN, *BIG])
def test_a_list_is_sorted_without_doubles_or_empty_lines(name: str) -> None:
    lines = entries(name)
    assert lines == sorted(set(lines), key=str.encode if name in BIG else None)
    assert all(line.strip() == line and line for line in lines if "\t" not in line)


@pytest.mark.parametrize("name", [*PLAIN, *BIG])
def test_a_list_is_in_lower_case_and_composed_form(name: str) -> None:
    words = [line.split("\t")[0] for line in entries(name) if name != "eponyms.txt"]
    assert all(word == word.lower() and word == unicodedata.normalize("NFC", word) for word in words)


@pytest.mark.parametrize("name", [*PLAIN, *BIG])
def test_a_list_says_at_its_top_where_it_comes_from(name: str) -> None:
    content = FOLDER.joinpath(name).read_bytes()
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode()
    head = "".join(line for line in text.splitlines() if line.startswith("#"))
    assert re.search(r"SCOWL|Social Security|GeoNames|Apache-2\.0|core-kept\.txt", head)


@pytest.mark.parametrize("name", BIG)
def test_a_compressed_list_carries_no_time_and_no_file_name(name: str) -> None:
    magic, _, flags, time_of_file = struct.unpack("<HBBI", FOLDER.joinpath(name).read_bytes()[:8])
    assert (magic, flags, time_of_file) == (0x8B1F, 0, 0)


def test_the_lists_hold_what_the_gate_was_measured_with(lexicon: Lexicon) -> None:
    assert len(lexicon.general) > 60_000
    assert len(lexicon.first_names) > 90_000
    assert len(lexicon.proper_names) > 5_000
    assert len(lexicon.places) > 200_000
    assert 3_000 < len(lexicon.common) < 6_000
    assert len(lexicon.clinical) >= 600
    assert len(lexicon.eponyms) >= 100
    assert len(lexicon.function_words) == 66
    assert 80 <= len(lexicon.title_words) <= 300


def test_the_package_stays_small() -> None:
    assert sum(len(FOLDER.joinpath(name).read_bytes()) for name in FILES) < 3_000_000


def test_every_list_of_the_folder_is_read_or_is_only_for_the_build() -> None:
    beside = {"LICENCES.md", "SCOWL-COPYRIGHT.txt", "core-kept.txt", "not-places.txt", "regions.txt"}
    assert {path.name for path in FOLDER.iterdir()} == {*FILES, *beside}


def test_a_version_is_stable_and_changes_with_the_clinics_own_words(lexicon: Lexicon) -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", lexicon.version)
    assert load_lexicon().version == lexicon.version
    one, other = load_lexicon(["glimmerology", "Floobase"]), load_lexicon(["floobase", "glimmerology"])
    assert one.version == other.version != lexicon.version
    assert one.is_vocabulary("Glimmerology")
    assert not lexicon.is_vocabulary("glimmerology")


@pytest.mark.parametrize("word", ["", "  ", "two words", "word1", "a@b"])
def test_an_extra_word_that_is_no_word_is_refused(word: str) -> None:
    with pytest.raises(SettingsError, match="not one word"):
        load_lexicon([word])


@pytest.mark.parametrize(
    ("word", "objection"),
    [
        ("hysteroplication", ""),
        ("Nora", "name"),
        ("ward9", "digits"),
        ("two words", "one word"),
        ("", "one word"),
    ],
)
def test_a_reviewer_hears_what_speaks_against_a_word(lexicon: Lexicon, word: str, objection: str) -> None:
    found = lexicon.objection_to(word)
    assert (objection in found) if objection else (found == "")


def test_vocabulary_knows_general_clinical_and_drug_words_and_no_names(lexicon: Lexicon) -> None:
    for word in (
        "usually",
        "Favour",
        "favor",
        "blastocysts",
        "HYSTEROSCOPY",
        "clomid",
        "ivf",
        "miu",
        "don\u2019t",
    ):
        assert lexicon.is_vocabulary(word), word
    for word in ("xqzt", "ivana", "yasmin", "london", "blastocyts", "embry\u043e", ""):
        assert not lexicon.is_vocabulary(word), word


def test_names_and_places_are_found_in_any_case_with_and_without_accents(lexicon: Lexicon) -> None:
    assert all(map(lexicon.is_name, ("Olivia", "JOS\u00c9", "jos\u00e9", "svetlana", "Jenkins")))
    assert all(
        map(lexicon.is_place, ("Z\u00fcrich", "zurich", "Ohio", "yorkshire", "san jose", "Kenya", "Autauga"))
    )
    assert lexicon.is_name_or_place("Geneva")
    assert not any(map(lexicon.is_name_or_place, ("hysteroscopy", "ovulation", "thyroid", "embryos", "")))


def test_births_are_counted_and_common_lower_case_names_are_suspicious(lexicon: Lexicon) -> None:
    assert lexicon.births("Mary") > 1_000_000
    assert lexicon.births("hysteroscopy") == 0
    assert lexicon.births("thrombophilia\t5") == 0
    assert lexicon.may_be_a_name_in_lower_case("olivia")
    assert not lexicon.may_be_a_name_in_lower_case("embryo")
    assert not lexicon.may_be_a_name_in_lower_case("the")


def test_months_and_usual_names_never_pass_as_title_words_or_core(lexicon: Lexicon) -> None:
    suspicious = {
        "may",
        "will",
        "april",
        "june",
        "august",
        "hope",
        "grace",
        "faith",
        "joy",
        "mark",
        "rose",
        "dawn",
    }
    suspicious |= {
        "nice",
        "reading",
        "bath",
        "mobile",
        "gene",
        "art",
        "bill",
        "summer",
        "young",
        "long",
        "major",
    }
    assert not suspicious & (lexicon.title_words | lexicon.core | lexicon.clinical | lexicon.acronyms)


def test_every_title_word_is_there_because_a_gazetteer_holds_it(lexicon: Lexicon) -> None:
    assert [word for word in sorted(lexicon.title_words) if not lexicon.is_name_or_place(word)] == []


def test_the_core_of_taint_holds_no_name_and_no_place_but_the_reviewed_ones(lexicon: Lexicon) -> None:
    kept = set(entries("core-kept.txt"))
    assert {word for word in lexicon.core if lexicon.is_name_or_place(word)} <= kept | {"dr", "i"}
    assert lexicon.core <= lexicon.clinical | lexicon.acronyms | {"dr", "i"}


def test_an_eponym_is_a_whole_phrase_and_no_bare_surname(lexicon: Lexicon) -> None:
    single = {phrase for phrase in lexicon.eponyms if " " not in phrase and "-" not in phrase}
    adjectives = {
        "doppler",
        "fallopian",
        "gaussian",
        "graafian",
        "lamaze",
        "mendelian",
        "nabothian",
        "pap",
        "zika",
    }
    adjectives |= {"m\u00fcllerian", "mullerian", "robertsonian", "wolffian"}
    assert single <= adjectives
    assert "factor v leiden" in lexicon.eponyms
    assert {"asherman syndrome", "asherman's syndrome", "graves disease", "graves' disease"} <= set(
        lexicon.eponyms
    )
    assert not {"asherman", "turner", "down", "noonan", "leiden", "graves"} & set(lexicon.eponyms)
    assert list(lexicon.eponyms) == sorted(lexicon.eponyms, key=lambda phrase: (-len(phrase), phrase))


def test_every_drug_row_is_well_formed(lexicon: Lexicon) -> None:
    assert len(lexicon.drugs) >= 150
    assert len(entries("drugs.tsv")) == len(lexicon.drugs), "a name stands there twice"
    for name, drug in lexicon.drugs.items():
        assert re.fullmatch(r"[a-z0-9][a-z0-9() -]+", name), name
        assert drug.name == name
        assert drug.drug_class in lexicon.drug_classes, name
        assert drug.ingredients
        assert all(re.fullmatch(r"[a-z0-9][a-z0-9 -]+", part) for part in drug.ingredients), name
        assert all(re.fullmatch(r"[A-Z]{2}", country) for country in drug.countries), name
        assert bool(drug.countries) or drug.kind is not DrugKind.BRAND, f"{name}: where is it sold?"


def test_every_class_of_drugs_is_used_and_has_a_name_to_be_called_by(lexicon: Lexicon) -> None:
    assert {drug.drug_class for drug in lexicon.drugs.values()} == set(lexicon.drug_classes)
    assert all(row.called for row in lexicon.drug_classes.values())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Clexane", "lovenox", True),
        ("clomiphene citrate", "Clomid", True),
        ("Ovidrel", "hCG", True),
        ("follitropin", "gonal-f", True),
        ("yasmin", "drospirenone", True),
        ("clomid", "clomipramine", False),
        ("prednisone", "progesterone", False),
        ("dexamethasone", "clexane", False),
    ],
)
def test_names_of_one_ingredient_are_the_same_drug(
    lexicon: Lexicon, one: str, other: str, *, same: bool
) -> None:
    first, second = lexicon.drug(one), lexicon.drug(other)
    assert isinstance(first, Drug)
    assert isinstance(second, Drug)
    assert first.is_same_as(second) is second.is_same_as(first) is same


def test_confusable_pairs_are_two_known_drugs_with_different_ingredients(lexicon: Lexicon) -> None:
    assert len(lexicon.confusable_pairs) >= 60
    for pair in lexicon.confusable_pairs:
        one, other = sorted(pair)
        first, second = lexicon.drug(one), lexicon.drug(other)
        assert first is not None, one
        assert second is not None, other
        assert first.ingredients != second.ingredients, pair
    assert lexicon.is_confusable("Clomipramine", "Clomid")
    assert lexicon.is_confusable("methotrexate", "metolazone")
    assert not lexicon.is_confusable("aspirin", "clomid")


def test_a_drug_named_like_a_person_or_a_place_is_no_vocabulary(lexicon: Lexicon) -> None:
    assert lexicon.drug("Yasmin") is not None
    assert not lexicon.is_drug_word("yasmin")
    assert not [word for word in lexicon.drug_words if word in lexicon.first_names or word in lexicon.places]


def test_slips_are_ordinary_words_near_a_known_drug(lexicon: Lexicon) -> None:
    assert lexicon.slip_of("Aspiring") == {"aspirin"}
    assert lexicon.slip_of("ovulation") == frozenset()
    for word, drugs in lexicon.slips.items():
        assert lexicon.is_general(word), word
        assert all(lexicon.drug(drug) for drug in drugs), word


def test_salts_are_known_in_both_spellings(lexicon: Lexicon) -> None:
    assert all(map(lexicon.is_salt, ("citrate", "Sulphate", "sulfate", "HCl")))
    assert not any(lexicon.drug(salt) for salt in lexicon.salts)


def test_hashtags_are_camel_case_and_never_a_brand(lexicon: Lexicon) -> None:
    assert len(lexicon.hashtags) >= 60
    brands = {re.sub(r"[^a-z0-9]", "", name) for name, drug in lexicon.drugs.items() if drug.is_brand}
    terms = [term for topic in lexicon.hashtags for term in topic.terms]
    assert len(terms) == len(set(terms)), "a term stands in two topics"
    assert len({topic.tag.lower() for topic in lexicon.hashtags}) == len(lexicon.hashtags)
    for topic in lexicon.hashtags:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", topic.tag), topic
        assert topic.tag.lower() not in brands
        assert not {re.sub(r"[^a-z0-9]", "", term) for term in topic.terms} & brands
        assert all(term == term.lower() for term in topic.terms)
        assert topic.display[0].isupper() or topic.display.startswith("hCG")


def test_number_patterns_match_their_example_and_no_case_of_a_person(lexicon: Lexicon) -> None:
    personal = (
        "at 43 weeks", "my third loss", "after 4 miscarriages", "she is 37 years old", "10 embryos", "first time",
        "is the second loss", "2 of 5 embryos", "12 weeks pregnant", "born on day", "75 mg", "3 failed cycles",
    )  # fmt: skip
    for row in lexicon.number_patterns:
        pattern = re.compile(row.pattern, re.IGNORECASE)
        assert pattern.fullmatch(row.example), row.name
        assert not [text for text in personal if pattern.search(text)], row.name


@pytest.mark.parametrize(
    ("sentence", "finite"),
    [
        ("Small fibroids on the outer wall are often left alone", True),
        ("An underactive thyroid can raise the risk of an early loss", True),
        ("Endometriosis causes pain", True),
        ("Embryos develop in the laboratory", True),
        ("Common causes of infertility", False),
        ("Blood tests and hysteroscopy before the next cycle", False),
        ("To increase the chance of implantation", False),
        ("The need for surgery", False),
        ("", False),
    ],
)
def test_a_finite_verb_tells_a_sentence_from_a_fragment(
    lexicon: Lexicon, sentence: str, *, finite: bool
) -> None:
    assert lexicon.has_finite_verb(sentence.split()) is finite


def test_certain_and_doubtful_verbs_are_two_lists(lexicon: Lexicon) -> None:
    assert not lexicon.verbs & lexicon.doubtful_verbs


@given(st.dictionaries(WORD, st.integers(1, 10**6), max_size=400), st.lists(WORD, max_size=20))
def test_a_packed_list_answers_as_a_dictionary_does(counts: dict[str, int], others: list[str]) -> None:
    lines = sorted(
        ((f"{word}\t{count}" if count % 3 else word) for word, count in counts.items()), key=str.encode
    )
    packed = pack("\n".join(lines).encode())
    assert len(packed) == len(counts)
    for word in (*counts, *others):
        assert (word in packed) is (word in counts)
        expected = counts.get(word, 0)
        assert packed.count(word) == (expected if expected % 3 else 0)


def test_a_late_list_asks_for_its_text_once_and_only_when_a_word_is_asked_for() -> None:
    asked: list[str] = []

    def text() -> bytes:
        asked.append("text")
        return b"one\ntwo\t7\ntwofold\n"

    late = pack_late(text)
    assert not asked
    assert ("two" in late, late.count("two"), "twof" in late, "three" in late) == (True, 7, False, False)
    assert asked == ["text"]


def test_a_packed_list_is_no_substring_search(lexicon: Lexicon) -> None:
    for word in ("ovulatio", "vulation", "ovulation\novum", "the\tthe", "", " "):
        assert word not in lexicon.general
    assert 5 not in lexicon.general
    assert "aaaa" not in pack(b"")


def test_a_lexicon_in_a_message_is_short(lexicon: Lexicon) -> None:
    assert repr(lexicon) == f"Lexicon(version='{lexicon.version}')"
    assert len(repr(lexicon.places)) < 40


@given(st.text(max_size=12))
def test_the_form_of_the_lists_is_reached_in_one_step(word: str) -> None:
    assert normal(normal(word)) == normal(word)
    assert fold(fold(word)) == fold(word)
