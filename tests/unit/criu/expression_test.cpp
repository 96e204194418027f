#include "criu/expression.h"

#include <gtest/gtest.h>

#include <map>
#include <ostream>

namespace cg {
namespace {

// A is on, M a module, U not known; anything else is off.
SymbolState state(std::string_view symbol) {
  if (symbol.starts_with('A')) return SymbolState::on;
  if (symbol.starts_with('M')) return SymbolState::module;
  if (symbol.starts_with('U')) return SymbolState::unknown;
  return SymbolState::off;
}

struct Case {
  const char* text;
  SymbolState expected;
  std::vector<std::string> remedies;
};

void PrintTo(const Case& test, std::ostream* out) {
  *out << test.text;
}

class ExpressionTest : public testing::TestWithParam<Case> {};

TEST_P(ExpressionTest, EvaluatesAndNamesTheRemedy) {
  const auto expression = Expression::parse(GetParam().text);
  ASSERT_TRUE(expression) << expression.error().message;
  EXPECT_EQ(expression->evaluate(state), GetParam().expected);
  std::vector<std::string> remedies;
  for (const auto& change : expression->changes(state)) remedies.push_back(change.text());
  EXPECT_EQ(remedies, GetParam().remedies);
}

using enum SymbolState;
INSTANTIATE_TEST_SUITE_P(
    Expressions, ExpressionTest,
    testing::Values(Case{"", on, {}}, Case{"A", on, {}}, Case{"X", off, {"CONFIG_X=y"}},
                    Case{"M", module, {}}, Case{"U", unknown, {"CONFIG_U=y"}}, Case{"!X", on, {}},
                    Case{"!A", off, {"CONFIG_A=n"}}, Case{"!M", off, {"CONFIG_M=n"}},
                    Case{"!U", unknown, {"CONFIG_U=n"}}, Case{"A && M", module, {}},
                    Case{"A && X && Y", off, {"CONFIG_X=y", "CONFIG_Y=y"}},
                    Case{"U && X", off, {"CONFIG_U=y", "CONFIG_X=y"}},
                    Case{"A && U", unknown, {"CONFIG_U=y"}}, Case{"A || U", on, {}},
                    Case{"X || U", unknown, {"CONFIG_U=y"}}, Case{"X || Y", off, {"CONFIG_X=y"}},
                    // && binds tighter than ||.
                    Case{"X && Y || A", on, {}}, Case{"X && (Y || A)", off, {"CONFIG_X=y"}},
                    // "EXPERT is off, or what it hides is on": either way out is one.
                    Case{"!A1 || (A2 && X)", off, {"CONFIG_A1=n"}}, Case{"!(A && A2)", off, {"CONFIG_A=n"}},
                    Case{"!(X || A)", off, {"CONFIG_A=n"}}));

TEST(Expression, RefusesNonsenseWithItsColumn) {
  for (const char* bad :
       {"A &&", "&& A", "A B", "(A", "A)", "A & B", "!", "A || || B", "CONFIG_A", "A-B", "="})
    EXPECT_FALSE(Expression::parse(bad)) << bad;
  EXPECT_TRUE(Expression::parse("A B").error().message.contains("column 3"));
}

TEST(Expression, RefusesAbsurdNesting) {
  EXPECT_FALSE(Expression::parse(std::string(100000, '(') + "A"));
}

TEST(Expression, ListsEachSymbolOnce) {
  EXPECT_EQ(Expression::parse("B && (A || !B)")->symbols(), (std::vector<std::string>{"B", "A"}));
}

}  // namespace
}  // namespace cg
