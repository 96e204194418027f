// Why a request was not honoured, and why a symbol is on: every reason, each on a tree of its own.
#include "kconfig/explain.h"

#include <gtest/gtest.h>

#include <ostream>

#include "base/text.h"
#include "kconfig/unmet_request.h"

namespace cg::kconfig {
namespace {

struct Case {
  const char* name;
  std::string kconfig;
  std::string config;
  std::string symbol;
  std::string wanted;  // empty: why it has its value
  ReasonKind kind;
  std::string summary;  // contained
  std::string remedy;
};

void PrintTo(const Case& test, std::ostream* out) {
  *out << test.name;
}

class Reason : public testing::TestWithParam<Case> {};

TEST_P(Reason, IsTold) {
  const Case& test = GetParam();
  const auto tree =
      parse_tree({{"Kconfig", "config MODULES\n\tbool \"modules\"\n\tmodules\n" + test.kconfig}});
  ASSERT_TRUE(tree) << tree.error().message;
  const auto config = parse_config(test.config, ".config").value();
  const Evaluation evaluation(*tree, config);
  const auto told = test.wanted.empty() ? explain_value(evaluation, test.symbol)
                                        : explain_request(evaluation, test.symbol, test.wanted);
  EXPECT_EQ(reason_name(told.kind), reason_name(test.kind)) << told.summary;
  EXPECT_TRUE(told.summary.contains(test.summary)) << told.summary << "\n" << join(told.chain, "\n");
  EXPECT_EQ(told.remedy(), test.remedy) << join(told.chain, "\n");
}

const std::string chain =
    "config A\n\tbool \"a\"\nconfig B\n\tbool \"b\"\n\tdepends on A\nconfig C\n\ttristate \"c\"\n\tdepends "
    "on B\n";
const std::string selecting =
    "config S\n\tbool \"s\"\n\tselect T if U\nconfig T\n\tbool \"t\"\nconfig U\n\tbool \"u\"\n";
const std::string choosing =
    "choice\n\tprompt \"one\"\nconfig X\n\tbool \"x\"\nconfig Y\n\tbool \"y\"\nendchoice\n";

INSTANTIATE_TEST_SUITE_P(
    Kconfig, Reason,
    testing::Values(
        Case{"Unknown", chain, "", "CC", "y", ReasonKind::unknown_symbol, "did you mean", ""},
        Case{"Renamed", "config MEMCG\n\tbool \"m\"\n", "", "MEMCG_KMEM", "y", ReasonKind::unknown_symbol,
             "merged into MEMCG", "CONFIG_MEMCG=y"},
        Case{"Chain", chain, "", "C", "y", ReasonKind::hidden, "depends on B (Kconfig:11): B is n",
             "CONFIG_A=y, CONFIG_B=y, CONFIG_C=y"},
        Case{"ByIf", "config A\n\tbool \"a\"\nif A\nconfig B\n\tbool \"b\"\nendif\n", "", "B", "y",
             ReasonKind::hidden, "stands in: if A (Kconfig:6): A is n", "CONFIG_A=y, CONFIG_B=y"},
        Case{"ByMenu",
             "config A\n\tbool \"a\"\nmenu \"m\"\n\tvisible if A\nconfig B\n\tbool \"b\"\nendmenu\n", "", "B",
             "y", ReasonKind::hidden, "stands in a menu that is visible if A (Kconfig:7): A is n",
             "CONFIG_A=y, CONFIG_B=y"},
        Case{"ByPrompt", "config A\n\tbool \"a\"\nconfig B\n\tbool \"b\" if A\n", "", "B", "y",
             ReasonKind::hidden, "can be asked for only if A (Kconfig:7): A is n", "CONFIG_A=y, CONFIG_B=y"},
        Case{"CheapestWay", chain + "config D\n\tbool \"d\"\n\tdepends on (C && B) || MODULES\n", "", "D",
             "y", ReasonKind::hidden, "depends on C && B || MODULES", "CONFIG_MODULES=y, CONFIG_D=y"},
        Case{"Negated", "config A\n\tbool \"a\"\nconfig B\n\tbool \"b\"\n\tdepends on !A\n", "CONFIG_A=y\n",
             "B", "y", ReasonKind::hidden, "depends on !A (Kconfig:8): A is y", "CONFIG_A=n, CONFIG_B=y"},
        Case{"LimitedToModule", "config A\n\ttristate \"a\"\nconfig B\n\ttristate \"b\"\n\tdepends on A\n",
             "CONFIG_MODULES=y\nCONFIG_A=m\nCONFIG_B=m\n", "B", "y", ReasonKind::limited, "A is m",
             "CONFIG_A=y, CONFIG_B=y"},
        Case{"NoPrompt", "config A\n\tbool \"a\"\n\tselect B\nconfig B\n\tbool\n", "", "B", "y",
             ReasonKind::no_prompt, "selected by A (Kconfig:6)", "CONFIG_A=y"},
        Case{"SelectedByAMenu", "menu \"m\"\n\tselect B\nendmenu\nconfig B\n\tbool\n", "", "B", "y",
             ReasonKind::no_prompt, "has no prompt: no line of a fragment sets it, its defaults do", ""},
        Case{"Selected", selecting, "CONFIG_S=y\nCONFIG_T=y\nCONFIG_U=y\n", "T", "n", ReasonKind::selected,
             "S (y) selects T if U (Kconfig:6)", "CONFIG_S=n, CONFIG_T=n"},
        Case{"Implied",
             "config I\n\tbool \"i\"\n\timply J\nconfig J\n\tbool \"j\" if K\nconfig K\n\tbool \"k\"\n",
             "CONFIG_I=y\nCONFIG_J=y\n", "J", "n", ReasonKind::implied, "I (y) implies J (Kconfig:6)", ""},
        Case{"HiddenDefault", "config E\n\tbool \"e\"\nconfig F\n\tbool \"f\" if E\n\tdefault y\n",
             "CONFIG_F=y\n", "F", "n", ReasonKind::by_default, "its default is y (Kconfig:8)", ""},
        Case{"Choice", choosing, "CONFIG_X=y\n# CONFIG_Y is not set\n", "Y", "y", ReasonKind::choice,
             "X was taken in the choice at Kconfig:4", "CONFIG_Y=y, CONFIG_X=n"},
        Case{"NeverModule", chain, "CONFIG_A=y\n", "A", "m", ReasonKind::wrong_type, "never m", ""},
        Case{"NoModules", chain, "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n", "C", "m", ReasonKind::no_modules,
             "MODULES is n", ""},
        Case{"OutOfRange", "config N\n\tint \"n\"\n\trange 2 64\n", "CONFIG_N=64\n", "N", "65",
             ReasonKind::out_of_range, "2 to 64 (Kconfig:6)", ""},
        Case{"NoNumber", "config N\n\tint \"n\"\n", "CONFIG_N=64\n", "N", "y", ReasonKind::wrong_type,
             "is a number", ""},
        Case{"NothingInTheWay", chain, "", "A", "y", ReasonKind::visible, "nothing stands in its way", ""},
        Case{"WhySelected", selecting, "CONFIG_S=y\nCONFIG_T=y\nCONFIG_U=y\n", "T", "", ReasonKind::selected,
             "is y because it is selected", ""},
        Case{"WhyAnswered", chain, "CONFIG_A=y\n", "A", "", ReasonKind::visible, "is y, as it was answered",
             ""},
        Case{"WhyOff", chain, "", "C", "", ReasonKind::hidden, "depends on B",
             "CONFIG_A=y, CONFIG_B=y, CONFIG_C=y"},
        Case{"WhyOffThoughVisible", chain, "# CONFIG_A is not set\n", "A", "", ReasonKind::visible,
             "answered with n", "CONFIG_A=y"},
        Case{"WhyByDefault", "config E\n\tbool \"e\"\nconfig F\n\tbool \"f\" if E\n\tdefault y\n",
             "CONFIG_F=y\n", "F", "", ReasonKind::by_default, "is y by default, and its prompt is hidden",
             ""},
        Case{"Opaque", "cc = $(shell,cc $(1))\nconfig O\n\tbool \"o\"\n\tdepends on $(cc,-f)\n", "", "O", "y",
             ReasonKind::hidden, "$(cc,-f) did not hold for this compiler", ""}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Chain, GoesDownToWhatCanBeSet) {
  const auto tree = parse_tree({{"Kconfig", chain}});
  const auto config = parse_config("", ".config").value();
  const auto told = explain_request(Evaluation(*tree, config), "C", "y");
  EXPECT_EQ(told.chain, (std::vector<std::string>{"  B depends on A (Kconfig:5): A is n",
                                                  "    A can be set: Kconfig:1"}));
}

TEST(Remedies, OfSeveralSymbolsAreListedOnce) {
  const auto tree = parse_tree({{"Kconfig", chain}});
  const auto config = parse_config("", ".config").value();
  const auto remedies = find_remedies(Evaluation(*tree, config), {{tree->index_of("B"), Tristate::yes},
                                                                  {tree->index_of("C"), Tristate::yes}});
  std::vector<std::string> names;
  for (const auto& setting : remedies.settings) names.push_back(setting.symbol);
  EXPECT_EQ(names, (std::vector<std::string>{"A", "B", "C"}));
  EXPECT_TRUE(remedies.impossible.empty());
}

TEST(Remedies, ACircleHasNone) {
  const auto tree = parse_tree(
      {{"Kconfig", "config A\n\tbool \"a\"\n\tdepends on B\nconfig B\n\tbool \"b\"\n\tdepends on A\n"}});
  const auto config = parse_config("", ".config").value();
  EXPECT_FALSE(find_remedy(Evaluation(*tree, config), tree->index_of("A"), Tristate::yes));
}

TEST(UnmetRequest, NamesTheLineOfTheFragment) {
  const auto tree = parse_tree({{"Kconfig", chain}});
  const auto requested = parse_config("\nCONFIG_B=y\n", "guest.conf").value();
  const auto resolved = parse_config("# CONFIG_A is not set\n", ".config").value();
  const auto stuck = find_unmet_requests(requested, resolved, &*tree);
  ASSERT_EQ(stuck.size(), 1U);
  EXPECT_EQ(
      to_text(stuck.front()),
      "CONFIG_B=y (guest.conf:2): got n: depends on A (Kconfig:5): A is n\n      A can be set: Kconfig:1\n"
      "    set: CONFIG_A=y, CONFIG_B=y\n");
}

}  // namespace
}  // namespace cg::kconfig
