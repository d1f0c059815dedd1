"""Dates are written once, in EDTF level 1, and read by machines as two bounds and by people as words."""

import pytest

from kg.dates import Bounds, bounds, in_words


@pytest.mark.parametrize(
    ("text", "earliest", "latest"),
    [
        ("2018", "2018-01-01", "2018-12-31"),
        ("2018-09", "2018-09-01", "2018-09-30"),
        ("2018-09-26", "2018-09-26", "2018-09-26"),
        ("2008-02", "2008-02-01", "2008-02-29"),
        ("1900-02", "1900-02-01", "1900-02-28"),
        ("0000", "0000-01-01", "0000-12-31"),
        ("-0044", "-0044-01-01", "-0044-12-31"),
        ("Y17000", "17000-01-01", "17000-12-31"),
        ("Y-17000", "-17000-01-01", "-17000-12-31"),
        ("2018-21", "2018-03-01", "2018-05-31"),
        ("198X", "1980-01-01", "1989-12-31"),
        ("19XX", "1900-01-01", "1999-12-31"),
        ("2018-XX", "2018-01-01", "2018-12-31"),
        ("2018-XX-XX", "2018-01-01", "2018-12-31"),
        ("2018-09-XX", "2018-09-01", "2018-09-30"),
        ("2009~", "2009-01-01", "2009-12-31"),
        ("2009?", "2009-01-01", "2009-12-31"),
        ("2009%", "2009-01-01", "2009-12-31"),
        ("2004-06-11?", "2004-06-11", "2004-06-11"),
        ("2009/2010", "2009-01-01", "2010-12-31"),
        ("2009-02~/2010", "2009-02-01", "2010-12-31"),
        ("2009/2009", "2009-01-01", "2009-12-31"),
        ("2010/Y17000", "2010-01-01", "17000-12-31"),
        ("-0100/-0050", "-0100-01-01", "-0050-12-31"),
        ("2016-03/..", "2016-03-01", None),
        ("2016-03/", "2016-03-01", None),
        ("../2015", None, "2015-12-31"),
        ("/2015", None, "2015-12-31"),
    ],
)
def test_bounds_are_the_first_and_last_day_a_date_can_mean(text, earliest, latest):
    assert bounds(text) == Bounds(earliest, latest)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            " 2018",
            "2018 ",
            "2018\n",
            "18",
            "2018-9",
            "201",
            "20188",
            "２０１８",
            "spring 2018",
            "2018-09-26T12:00",
        ),
        *("2018-13", "2018-00", "2018-02-30", "1900-02-29", "2018-09-00", "2018-24-01", "-0000"),
        *("..", "/", "../..", "/..", "../", "2018..2019", "2018/2019/2020", "2018/spring"),
        # level 2
        *("~2009", "2004-06-~11", "{2018,2019}", "[2018..2019]", "2018-XX-03", "1XXX", "2018S2", "Y17E7", "2001-25"),
    ],
)
def test_what_is_not_edtf_level_1_is_refused_with_what_was_expected(text):
    with pytest.raises(ValueError, match="an EDTF level 1 date such as"):
        bounds(text)


@pytest.mark.parametrize("text", ["2010/2009", "2010-05/2010-04", "2010-05-02/2010-05-01"])
def test_an_interval_does_not_end_before_it_starts(text):
    with pytest.raises(ValueError, match="an interval that ends after it starts"):
        bounds(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2018", "2018"),
        ("2018-09", "September 2018"),
        ("2018-09-26", "26 September 2018"),
        ("2018-09-01", "1 September 2018"),
        ("2018-XX", "2018"),
        ("2018-09-XX", "September 2018"),
        ("2018-21", "spring 2018"),
        ("198X", "the 1980s"),
        ("0000", "1 BCE"),
        ("-0044", "45 BCE"),
        ("Y17000", "17000"),
        ("2009~", "around 2009"),
        ("2009?", "perhaps 2009"),
        ("2009%", "perhaps around 2009"),
        ("2009/2010", "2009 to 2010"),
        ("2016-03/..", "since March 2016"),
        ("../2015", "until 2015"),
        ("/2015", "until 2015, beginning unknown"),
        ("2015/", "from 2015, end unknown"),
        ("15XX", "the years 1500 to 1599"),
        ("198X~", "around the 1980s"),
        ("2009?/2010-05~", "perhaps 2009 to around May 2010"),
        ("1483~/..", "since around 1483"),
        ("2018-XX-XX", "2018"),
        ("2009-02~/2010", "around February 2009 to 2010"),
        # not dates: as they are
        ("some day", "some day"),
        ("2018-13", "2018-13"),
        ("2018/2019/2020", "2018/2019/2020"),
        ("-004X", "-004X"),
    ],
)
def test_dates_are_told_in_english(text, words):
    assert in_words(text, "en") == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2018", "2018"),
        ("2018-09", "septembre 2018"),
        ("2018-09-26", "26 septembre 2018"),
    ],
)
def test_months_are_told_in_french(text, words):
    assert in_words(text, "fr") == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2018-09-01", "1er septembre 2018"),
        ("2016-03/..", "depuis mars 2016"),
        ("198X", "les années 1980"),
        ("2009~", "vers 2009"),
        ("-0044", "45 av. J.-C."),
        ("2018-21", "printemps 2018"),
        ("2018-22", "été 2018"),
        ("2018-23", "automne 2018"),
        ("2018-24~", "vers hiver 2018"),
        ("2018-XX", "2018"),
        ("2009?", "peut-être 2009"),
        ("2009%", "peut-être vers 2009"),
        ("2009/2010", "2009 – 2010"),
        ("2009-02~/2010", "vers février 2009 – 2010"),
        ("../2015", "jusqu’à 2015"),
        ("/2015", "fin\u00a0: 2015, début inconnu"),
        ("2015/", "début\u00a0: 2015, fin inconnue"),
        ("15XX", "les années 1500 à 1599"),
        ("1483~/..", "depuis vers 1483"),
        ("some day", "some day"),
    ],
)
def test_dates_are_told_in_french(text, words):
    assert in_words(text, "fr") == words


@pytest.mark.parametrize(
    ("text", "how_long", "sometime"),
    [
        ("2009/2010", "2009 to 2010", "between 2009 and 2010"),
        ("2018-10/2018-11", "October to November 2018", "between October and November 2018"),
        ("2014-06-19/2014-06-20", "19 to 20 June 2014", "19 to 20 June 2014"),
        ("2008-06-30/2008-07-03", "30 June to 3 July 2008", "30 June to 3 July 2008"),
        ("2008-06-30/2008-07", "30 June to July 2008", "between 30 June and July 2008"),
        ("2016-03/..", "since March 2016", "March 2016 or later"),
        ("../2014", "until 2014", "2014 or earlier"),
        ("2018-09", "September 2018", "September 2018"),
        ("2009/2009", "2009 to 2009", "between 2009 and 2009"),
    ],
)
def test_an_interval_is_how_long_something_lasted_or_when_it_happened(text, how_long, sometime):
    assert in_words(text, "en") == how_long
    assert in_words(text, "en", sometime=True) == sometime


def test_an_interval_is_told_in_french():
    assert in_words("2009/2010", "fr", sometime=True) == "entre 2009 et 2010"
    assert in_words("../2014", "fr", sometime=True) == "2014 ou plus tôt"
    assert in_words("2016-03-01/2016-03-03", "fr") == "1er – 3 mars 2016"


def test_a_language_without_a_catalogue_is_told_with_its_own_months():
    assert in_words("2018-09", "ja") == "9月 2018"


def test_an_unknown_language_falls_back_to_english():
    assert in_words("2018-09", "xx") == "September 2018"


@pytest.mark.parametrize("text", ["2018", "1900-02~", "2000-02", "2018-12-31%", "0001-01-01", "9999", "2018-04?"])
def test_plain_dates_have_the_bounds_that_the_edtf_package_gives(text):
    from edtf import parse_edtf

    date = parse_edtf(text)
    days = [f"{time[0]:04}-{time[1]:02}-{time[2]:02}" for time in (date.lower_strict(), date.upper_strict())]
    assert bounds(text) == Bounds(*days)
