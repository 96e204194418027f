#include "kconfig/config.h"

#include <gtest/gtest.h>

namespace cg {
namespace {

KernelConfig parse(std::string_view text, const std::string& name = "f") {
  auto config = parse_config(std::string(text), name);
  EXPECT_TRUE(config) << (config ? "" : config.error().message);
  return config.value_or(KernelConfig{});
}

TEST(Config, ReadsEveryFormOfValueAndTheHeader) {
  const auto config = parse(
      "# Linux/x86 6.12.117 Kernel Configuration\nCONFIG_A=y\r\nCONFIG_N=-3\nCONFIG_H=0x1F\n"
      "CONFIG_S=\"a b\"\n# CONFIG_X is not set\n# plain comment\n\n");
  EXPECT_EQ(config.version, "6.12.117");
  EXPECT_EQ(config.architecture, "x86");
  EXPECT_EQ(config.value("A"), "y");
  EXPECT_EQ(config.value("N"), "-3");
  EXPECT_EQ(config.value("S"), "\"a b\"");
  EXPECT_EQ(config.value("X"), "n");
  ASSERT_TRUE(config.find("X"));
  EXPECT_EQ(config.find("X")->line, 6U);
  EXPECT_EQ(config.find("ABSENT"), nullptr);
}

TEST(Config, RefusesWhatIsNoConfigurationWithItsLine) {
  for (const auto& [text, where] :
       std::vector<std::pair<std::string, std::string>>{{"hello\nCONFIG_A=y\nworld\n", "f:1:"},
                                                        {"CONFIG_A\n", "f:1:"},
                                                        {"CONFIG_A=\n", "f:1:"},
                                                        {"CONFIG_A=Yes\n", "f:1:"},
                                                        {"CONFIG_A-B=y\n", "f:1:"},
                                                        {std::string("\x7f\x45\x4c\x46\0\0", 6), "f:1:"}}) {
    const auto config = parse_config(text, "f");
    ASSERT_FALSE(config) << text;
    EXPECT_TRUE(config.error().message.starts_with(where)) << config.error().message;
    EXPECT_EQ(config.error().kind, ErrorKind::refused);
  }
}

// scripts/kconfig/confdata.c of Linux 6.12, conf_read_simple() and conf_set_sym_val().
TEST(Config, ReadsWhatIsNotQuiteALineAsConfDoes) {
  struct {
    const char* line;
    const char* value;  // of A; "": dropped, so that it is as absent as before
    bool warned;        // else it is clean, or dropped
  } const cases[] = {
      {"CONFIG_A=n   # usually off", "n", true},
      {"CONFIG_A=y # why", "y", true},
      {"CONFIG_A=m\t", "m", true},
      {"CONFIG_A=yes", "y", true},
      {"CONFIG_A=no", "n", true},
      {"CONFIG_A=module", "m", true},
      {"CONFIG_A=Y", "", false},
      {"CONFIG_A= y", "", false},
      {"CONFIG_A =y", "", false},
      {" CONFIG_A=y", "", false},
      {"export CONFIG_A=y", "", false},
      {"CONFIG_A=42", "42", false},
      {"CONFIG_A=42 # seconds", "", false},
      {"CONFIG_A=0x1f", "0x1f", false},
      {"CONFIG_A=0x1f;", "", false},
      {"CONFIG_A=-7", "-7", false},
      {"CONFIG_A=\"a b\"", "\"a b\"", false},
      {"CONFIG_A=\"a\" # words", "\"a\"", true},
      {"CONFIG_A=\"a \\\" b\"", "\"a \\\" b\"", false},
      {"CONFIG_A=\"a", "", false},
      {"CONFIG_A='a'", "", false},
      {"CONFIG_A=guest2", "", false},
      {"CONFIG_A=", "", false},
  };
  for (const auto& test : cases) {
    const auto config = parse(std::string("CONFIG_B=y\n") + test.line + "\nCONFIG_C=y\n");
    const ConfigValue* value = config.find("A");
    EXPECT_EQ(value ? std::string(value->text) : "", test.value) << test.line;
    EXPECT_EQ(config.warnings.size(), test.warned ? 1U : 0U) << test.line;
    EXPECT_EQ(config.dropped.size(), *test.value ? 0U : 1U) << test.line;
    for (const auto& list : {config.warnings, config.dropped})
      for (const auto& note : list) EXPECT_TRUE(note.starts_with("f:2: conf ")) << note;
    EXPECT_EQ(config.value("C"), "y") << "the lines behind it count";
    // A request that would come to nothing is none.
    EXPECT_EQ(parse_request(std::string("CONFIG_B=y\n") + test.line + "\n", "f").has_value(),
              *test.value != 0)
        << test.line;
  }
}

TEST(Config, WhatFollowsACutIsNotKnown) {
  const std::string header = "#\n# Linux/x86 6.12.117 Kernel Configuration\n#\nCONFIG_A=y\n";
  for (const char* cut : {"CONFIG_NET_F", "CONFIG_NET=", "# CONFIG_NET is no", "CONF"}) {
    const auto config = parse_config(header + cut, "c").value();
    EXPECT_EQ(config.version, "") << cut;
    EXPECT_EQ(config.warnings.size(), 1U) << cut;
    ASSERT_NE(config.find("A"), nullptr);
  }
  for (const char* whole : {"CONFIG_NET=y", "# CONFIG_NET is not set", "# end of Networking support"})
    EXPECT_EQ(parse_config(header + whole, "c").value().version, "6.12.117") << whole;
}

TEST(Config, ANearMissOfNotSetIsReadAsACommentAndSaid) {
  for (const char* line : {"#CONFIG_A is not set", "# CONFIG_A is not set ", "#  CONFIG_A is not set",
                           "# CONFIG_A B is not set"}) {
    const auto config = parse(line);
    EXPECT_EQ(config.find("A"), nullptr) << line;
    ASSERT_EQ(config.warnings.size(), 1U) << line;
  }
}

TEST(Config, TheLaterFragmentWinsAndBothPlacesAreKept) {
  auto base = parse("CONFIG_A=y\nCONFIG_B=y\n", "one");
  merge_config(base, parse("# CONFIG_A is not set\nCONFIG_B=y\n", "two"));
  EXPECT_EQ(base.value("A"), "n");
  ASSERT_EQ(base.overrides.size(), 1U);
  EXPECT_EQ(base.overrides[0].earlier.file, "one");
  EXPECT_EQ(base.overrides[0].later.file, "two");
}

TEST(Gate, NamesEachRequestThatDidNotStickAndOnlyThose) {
  const auto requested = parse(
      "CONFIG_NET_X=y\n# CONFIG_OFF is not set\nCONFIG_NUM=0x10\nCONFIG_MOD=y\n# CONFIG_ON is not set\n");
  const auto final_config = parse("CONFIG_NET_XY=y\nCONFIG_NUM=0x0010\nCONFIG_MOD=m\nCONFIG_ON=y\n");
  std::vector<std::string> names;
  for (const auto& mismatch : unmet_requests(requested, final_config))
    names.push_back(mismatch.symbol + "=" + mismatch.got);
  EXPECT_EQ(names,
            (std::vector<std::string>{"NET_X=n", "MOD=m", "ON=y"}));  // NET_X is not satisfied by NET_XY
}

// conf writes some defaults without the 0x, and adds it to what it is given.
TEST(Gate, HexadecimalNumbersWithAndWithoutTheirMark) {
  EXPECT_EQ(parse("CONFIG_RADIO_GEMTEK_PORT=34c\n").value("RADIO_GEMTEK_PORT"), "34c");
  EXPECT_TRUE(unmet_requests(parse("CONFIG_H=34c\n"), parse("CONFIG_H=0x34c\n")).empty());
  EXPECT_FALSE(unmet_requests(parse("CONFIG_H=34c\n"), parse("CONFIG_H=0x34d\n")).empty());
  EXPECT_FALSE(unmet_requests(parse("CONFIG_N=10\n"), parse("CONFIG_N=010\n")).empty());
}

TEST(Gate, AFragmentWrittenOutIsReadBackTheSame) {
  const auto config = parse("CONFIG_B=\"x\"\n# CONFIG_A is not set\nCONFIG_C=m\n");
  EXPECT_TRUE(unmet_requests(config, parse(to_fragment(config))).empty());
  EXPECT_EQ(parse(to_fragment(config)).values.size(), 3U);
}

}  // namespace
}  // namespace cg
