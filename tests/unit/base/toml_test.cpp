// TOML: what the specification allows and forbids, and Python's tomllib on the same texts, damaged ones too.
#include "base/toml/toml.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <random>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

TomlDocument parsed(std::string_view text) {
  auto document = parse_toml(text, "t.toml");
  EXPECT_TRUE(document) << text << ": " << document.error().message;
  return document ? std::move(*document) : TomlDocument({TomlNode{}}, {});
}
std::string text_of(std::string_view text) {
  const TomlDocument document = parsed(text);
  const TomlNode* value = document.root().find("a");
  return value ? std::string(value->text) : "(none)";
}

TEST(Toml, ErrorsNameFileAndLine) {
  const auto bad = parse_toml("a = 1\nb = \n", "x.toml");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "x.toml:2:5: Error while parsing key-value pair: expected value, saw '\\n'");
  EXPECT_EQ(bad.error().kind, ErrorKind::refused);
  const auto good = parse_toml("verison = \"1\"\n", "y.toml");
  TomlReader reader(good->root(), "y.toml");
  reader.only({"version", "name"});
  ASSERT_FALSE(reader.error());
  EXPECT_EQ(reader.error().error().message, "y.toml:1:11: verison: unknown key; did you mean version?");
}

TEST(Toml, Strings) {
  EXPECT_EQ(text_of(R"(a = "b\t\"c\" \u00e9 \U0001F600")"), "b\t\"c\" \xc3\xa9 \xf0\x9f\x98\x80");
  EXPECT_EQ(text_of("a = 'C:\\n'"), "C:\\n");
  EXPECT_EQ(text_of("a = \"\"\"\r\nx\r\n  y \\\n   z\"\"\""), "x\n  y z");
  EXPECT_EQ(text_of("a = ''''two'' quotes''''"), "'two'' quotes'");
  EXPECT_EQ(text_of("a = \"\"\"\"\"\""), "");
}

TEST(Toml, WordsHaveTheirKind) {
  using Kind = TomlNode::Kind;
  const std::pair<const char*, Kind> words[] = {{"-17", Kind::integer},
                                                {"0o17", Kind::integer},
                                                {"1_000", Kind::integer},
                                                {"1e06", Kind::floating},
                                                {"-0.5", Kind::floating},
                                                {"+inf", Kind::floating},
                                                {"2024-02-29", Kind::date},
                                                {"false", Kind::boolean},
                                                {"07:32:00.999999", Kind::time},
                                                {"1979-05-27 07:32:00Z", Kind::time},
                                                {"1979-05-27T07:32:00-07:00", Kind::time}};
  for (const auto& [word, kind] : words) {
    const TomlDocument document = parsed(std::string("a = ") + word + " # comment");
    EXPECT_EQ(document.root().find("a")->kind, kind) << word;
    EXPECT_EQ(document.root().find("a")->column, 5U);
  }
}

TEST(Toml, TablesAndArraysOfTables) {
  const TomlDocument document = parsed(
      "[[row]]\nid = 1\n[row.more]\nx.y = true\n\n[[row]]\nid = 0xFF\nlist = [\n 'a', # one\n 'b',\n]\n");
  TomlReader reader(document.root(), "t.toml");
  const auto rows = reader.tables("row");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1]->line, 6U);
  TomlReader second(*rows[1], "t.toml");
  EXPECT_EQ(second.integer("id", 0), 255);
  EXPECT_EQ(second.strings("list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(second.error());
  EXPECT_TRUE(rows[0]->find("more")->find("x")->find("y")->boolean());
}

class Invalid : public testing::TestWithParam<std::string> {};
TEST_P(Invalid, IsRefusedWithItsPlace) {
  const auto table = parse_toml(GetParam(), "t.toml");
  ASSERT_FALSE(table) << GetParam();
  EXPECT_TRUE(table.error().message.starts_with("t.toml:")) << table.error().message;
}
std::string nested(std::size_t depth) {
  return "a = " + std::string(depth, '[') + std::string(depth, ']');
}
INSTANTIATE_TEST_SUITE_P(
    Toml, Invalid,
    testing::Values("a", "a =", "= 1", "a = 1 b = 2", "a = 1\na = 2", "[a]\n[a]", "[a]\n[[a]]", "a = 1\n[a]",
                    "a = []\n[[a]]", "a = {}\n[a.b]", "a.b = 1\n[a]", "[a.b.c]\nz = 9\n[a]\nb.c.t = 1",
                    "a = {b = 1, b = 2}", "a = {b = 1\n}", "a = {b = 1,}", "[a", "[[a]", "[]", "a = \"x",
                    "a = 'x\n'", "a = \"\\q\"", "a = \"\\ud800\"", "a = '''x", "a = 01", "a = 1__0", "a = 1_",
                    "a = 0X10", "a = +0x1", "a = 1.", "a = .5", "a = 1e", "a = 9223372036854775808",
                    "a = 2026-02-30", "a = 24:00:00", "a = truth", "a = [1 2]", "a = [1", "a = \"\x01\"",
                    "a = 1\rb = 2", "a = \"\xff\"", std::string("a = 1\0", 6), nested(200)));

TEST(Toml, DepthThatSomebodyMightWriteIsFine) {
  parsed(nested(60));
}

// Each part of a key is a table in a table: a level of recursion for whoever walks through them.
TEST(Toml, KeysOfManyPartsAreRefusedAtTheirPlace) {
  std::string key = "a";
  for (int i = 0; i < 63; ++i) key += ".a";
  parsed(key + " = 1");
  const std::string dots(100, '.');
  parsed("s = \"" + dots + "\\\"" + dots + "\" # " + dots + "\nb = '''" + dots + "''''\nc = \"\"\"\n" + dots +
         "\"\"\"\"\"\n[" + key + "]\n");
  for (const std::string& text :
       {"\nx = {" + key + ".a = 1}", "\n[[" + key + ".a]]", "\n" + key + " . a=1"}) {
    const auto document = parse_toml(text, "t.toml");
    ASSERT_FALSE(document);
    EXPECT_TRUE(document.error().message.starts_with("t.toml:2:")) << document.error().message;
    EXPECT_TRUE(document.error().message.ends_with("a key of more than 64 parts"))
        << document.error().message;
  }
}

TEST(Toml, TextsLongerThanAnybodyWritesAreRefused) {
  EXPECT_FALSE(parse_toml("# " + std::string(1 << 20, 'x'), "t.toml"));
  parsed("# " + std::string(1 << 19, 'x'));
}

// Every text, and what it means, as one line: the same as tomllib_view.py writes.
std::string quoted(std::string_view text) {
  std::string hex;
  for (const char c : text) {
    constexpr std::string_view digits = "0123456789abcdef";
    hex += digits[static_cast<unsigned char>(c) >> 4];
    hex += digits[static_cast<unsigned char>(c) & 15];
  }
  return "'" + hex + "'";
}
std::string shown(const TomlNode& value) {
  using Kind = TomlNode::Kind;
  switch (value.kind) {
    case Kind::string:
      return quoted(value.text);
    case Kind::integer:
      return std::to_string(value.integer);
    case Kind::boolean:
      return value.boolean() ? "true" : "false";
    case Kind::floating:
      return "float";
    case Kind::date:
      return std::string(value.text);
    case Kind::time:
      return "time";
    case Kind::table:
    case Kind::array:
      break;
  }
  const bool table = value.kind == Kind::table;
  std::string text = table ? "{" : "[";
  for (const TomlNode& inside : value.children())
    text += (table ? quoted(inside.key) + "=" : "") + shown(inside) + ",";
  return text + (table ? "}" : "]");
}

std::vector<std::string> sources() {
  std::vector<std::string> texts = {
      "a.b.c = 1\na.b.d = [1, {x = 2}]\n[a.e]\nf = 1979-05-27 07:32:00.5Z\n[[g.h]]\ni = -1_000\n[g.h.j]\nk = "
      "inf\n[[g.h]]\n",
      "\"q k\" = '''\nx\n'''\n'l' = \"\"\"a\\\n  b\"\"\"\nn = [[], [1.5e3, 0b11, 0o17]]\nt = {a.b = true, c "
      "= 07:32:00}\n"};
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(CG_SOURCE_DIR) / "recipes"))
    if (entry.path().extension() == ".toml") {
      std::string text = read_file(entry.path()).value();
      texts.push_back(text.substr(0, 1500));
    }
  return texts;
}

// Half of the damage is a piece of TOML in the wrong place.
std::string damaged(std::string text, std::mt19937& random) {
  static const std::vector<std::string> pieces = {
      "[",   "]",    "[[", "]]",      "{",     "}",       "\"",        "'",         "\"\"\"",
      "'''", "=",    ".",  ",",       "\n",    "#",       "\\",        "a",         "_",
      "0",   "-",    "+",  "a = 1\n", "[a]\n", "[[a]]\n", "[a.b]\n",   "a.b = 1\n", "\\u00e9",
      "1e3", "true", "\t", " ",       "\r\n",  "\x7f",    "2026-11-21"};
  const auto up_to = [&](std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random);
  };
  for (std::size_t i = up_to(2) + 1; i > 0; --i) {
    const std::size_t at = up_to(text.size());
    if (up_to(1) == 0)
      text.insert(at, pieces[up_to(pieces.size() - 1)]);
    else
      text.erase(at, up_to(6));
  }
  return text;
}

TEST(Toml, AgreesWithTomllib) {
  const TemporaryDirectory directory;
  std::mt19937 random(1);
  const auto texts = sources();
  std::vector<std::string> ours;
  std::string all;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::string& source = texts[i % texts.size()];
    const std::string text = i < texts.size() ? source : damaged(source, random);
    const auto document = parse_toml(text, "t");
    ours.push_back(document ? shown(document->root()) : "refused");
    all += std::to_string(text.size()) + "\n" + text;
  }
  ProcessOptions options;
  options.input = all;
  const auto done =
      run({"/usr/bin/python3", std::string(CG_SOURCE_DIR) + "/tests/unit/base/tomllib_view.py"}, options);
  if (!done || done->status == 77) GTEST_SKIP() << "no python3 with tomllib";
  ASSERT_EQ(done->status, 0) << done->err;
  const auto theirs = split_lines(done->out);
  ASSERT_EQ(theirs.size(), ours.size());
  std::size_t refused = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_EQ(ours[i], theirs[i]) << "text " << i;
    refused += ours[i] == "refused";
  }
  std::cout << ours.size() << " texts, " << refused << " of them refused by both\n";
}

}  // namespace
}  // namespace cg
