"""kg.toml is read once, strictly: what is wrong is named with its key, what was found and what is allowed."""

from dataclasses import FrozenInstanceError, fields

import pytest

from kg.errors import SettingsError
from kg.settings import Settings, load_settings

LEAST = 'base_iri = "https://bells.example/"\ntitle = { en = "Bells" }\n'


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "kg.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_settings(path)

    return load


def test_the_least_is_a_base_and_a_title(load):
    settings = load(LEAST)
    assert settings.base_iri == "https://bells.example/"
    assert settings.default_language == "en"
    assert settings.ontology_iri == "https://bells.example/ontology"
    assert settings.entity_base == "https://bells.example/id/"
    assert settings.data_folder == "data/turtle"


def test_settings_cannot_be_changed(load):
    with pytest.raises(FrozenInstanceError):
        load(LEAST).base_iri = "x"


def test_every_setting_has_a_key_and_a_help_text_that_ends_in_a_full_stop():
    for field in fields(Settings):
        assert field.metadata["help"].endswith("."), field.name
        assert field.metadata["key"]


def test_each_setting_is_read_from_its_key(load):
    settings = load(
        'base_iri = "https://b.example/g/"\nlanguages = ["de", "en-gb"]\nontology = "terms"\n'
        'licence = "https://l.example/"\npublic_url = "https://www.b.example/"\nattributions = ["Thanks."]\n'
        '[title]\nde = "Glocken"\n[folders]\ndata = "turtle"\n[provenance]\npassages = ["b:page"]\n'
        '[limits]\npage_length = 7\n[server]\nthreads = 2\n[home]\nview = "bells"\n'
    )
    assert settings.languages == ("de", "en-gb")
    assert settings.ontology_iri == "https://b.example/g/terms"
    assert settings.public_url == "https://www.b.example"
    assert settings.title == {"de": "Glocken"}
    assert settings.data_folder == "turtle"
    assert settings.passages == ("b:page",)
    assert (settings.page_length, settings.threads, settings.home_view) == (7, 2, "bells")


@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        ('base_iri = "https://bells.example"', "base_iri", 'an absolute IRI that ends in "/"'),
        ("base_iri = 3", "base_iri", "an absolute IRI"),
        ('languages = ["EN"]', "languages", "lower-case language tags"),
        ('languages = ["en", "en"]', "languages", "distinct"),
        ("languages = []", "languages", "list"),
        ('licence = "CC-BY"', "licence", "an absolute IRI"),
        ('folders.data = "../elsewhere"', "folders.data", "a folder inside the repository"),
        ('folders.data = "/etc"', "folders.data", "a folder inside the repository"),
        ('folders.data = "a/../../b"', "folders.data", "a folder inside the repository"),
        ("limits.page_length = 0", "limits.page_length", "a whole number from 1 to 10000"),
        ("limits.page_length = true", "limits.page_length", "a whole number"),
        ("limits.page_length = 1.5", "limits.page_length", "a whole number"),
        ('provenance.source = "source"', "provenance.source", "a prefixed name"),
        ('provenance.passages = "b:page"', "provenance.passages", "a list of prefixed names"),
        ('ontology = "my ontology"', "ontology", "a path of words"),
        ('creator = " "', "creator", "a text between quotation marks"),
        ('description = "Bells"', "description", "a text per language"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_what_is_allowed(load, line, key, expected):
    rest = LEAST if not line.startswith("base_iri") else 'title = { en = "Bells" }\n'
    with pytest.raises(SettingsError) as error:
        load(f"{line}\n{rest}")
    assert error.value.where == f"kg.toml: {key}"
    assert expected in error.value.expected
    assert error.value.found


@pytest.mark.parametrize("text", ["licence", "folder.data", "limits.page_lenght", "nothing.like.it"])
def test_an_unknown_setting_is_named(load, text):
    with pytest.raises(SettingsError, match=r"this setting (is unknown|has a value it may not have)"):
        load(f"{text} = 'x'\n{LEAST}")


def test_a_slip_in_a_key_gets_the_likely_one(load):
    with pytest.raises(SettingsError, match=r"Did you mean limits\.page_length\?"):
        load(f"limits.page_lenght = 3\n{LEAST}")


@pytest.mark.parametrize("key", ["base_iri", "title"])
def test_what_must_be_there_is_missed(load, key):
    text = "".join(line + "\n" for line in LEAST.splitlines() if not line.startswith(key))
    with pytest.raises(SettingsError) as error:
        load(text)
    assert error.value.where == f"kg.toml: {key}"
    assert "missing" in error.value.problem


def test_all_wrong_settings_are_named_at_once(load):
    with pytest.raises(SettingsError) as error:
        load('languages = "en"\nunknown = 1\n')
    text = str(error.value)
    assert all(key in text for key in ("languages", "unknown", "base_iri", "title"))


def test_a_byte_order_mark_is_named(load):
    with pytest.raises(SettingsError, match=r"starts with a byte order mark\. Save it as UTF-8 without"):
        load(b"\xef\xbb\xbf" + LEAST.encode())


@pytest.mark.parametrize(
    "data",
    [b"base_iri = ", b"\xff\xfe", b"a = 1\na = 2\n", b"\x00"],
)
def test_what_is_not_toml_is_refused(load, data):
    with pytest.raises(SettingsError, match="cannot be read as TOML"):
        load(data)


def test_no_settings_at_all_says_where_to_go(tmp_path):
    with pytest.raises(SettingsError, match=r"there is no kg\.toml here"):
        load_settings(tmp_path / "kg.toml")


def test_a_folder_named_kg_toml_is_refused(tmp_path):
    (tmp_path / "kg.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "kg.toml")
