// What other programs ask is data in the matrix's form, and is judged beside CRIU.
#include "criu/requirements.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "criu/fragment.h"
#include "criu/versions.h"

namespace cg {
namespace {

TEST(Requirements, EachIsAMatrixOfItsOwnProgram) {
  const auto names = requirement_names();
  EXPECT_GE(names.size(), 8U);
  for (const auto& name : names) {
    SCOPED_TRACE(name);
    const auto matrix = requirements_of(name);
    ASSERT_TRUE(matrix) << matrix.error().message;
    EXPECT_FALSE(matrix->title.empty());
    std::set<std::string> asked;
    for (const auto& row : matrix->rows) {
      EXPECT_TRUE(row.id.starts_with(name + ".")) << row.id;
      EXPECT_TRUE(row.severity == Severity::startup || row.severity == Severity::better_off) << row.id;
      EXPECT_TRUE(row.criu.everything()) << row.id;
      for (const auto& symbol : row.symbols.symbols()) asked.insert(symbol);
    }
    for (const auto& [symbol, needs] : matrix->needs) EXPECT_TRUE(asked.contains(symbol)) << symbol;
  }
}

TEST(Requirements, AMisspeltProgramIsNamedItsNearest) {
  const auto none = requirements_of("podmann");
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().message.contains("podman")) << none.error().message;
}

KernelConfig config_of(const std::string& text) {
  return parse_config("# Linux/x86 6.12.0 Kernel Configuration\n" + text, "config").value();
}
Subject judged(const std::string& program, const KernelConfig& config) {
  Evidence evidence;
  evidence.config = &config;
  evidence.config_name = "config";
  evidence.kernel = Version{{6, 12, 0}};
  evidence.architecture = "x86_64";
  return judge_requirements(requirements_of(program).value(), program, evidence, "config");
}

TEST(Requirements, WhatItsOwnFragmentHoldsIsReady) {
  for (const auto& name : requirement_names()) {
    SCOPED_TRACE(name);
    const auto matrix = requirements_of(name).value();
    FragmentQuestion question{{criu_versions().preferred}, {}, "x86_64", Version{{6, 12, 0}}, false};
    const auto lines = with_dependencies(matrix, question, required_lines(matrix, question));
    const auto ready = judged(name, config_of(to_text(lines, {})));
    EXPECT_EQ(ready.verdict, Verdict::pass) << ready.headline;
    // Without one of the symbols that it does not work without it is not.
    for (const auto& line : lines) {
      if (!line.on || line.symbol == "64BIT") continue;
      auto fewer = lines;
      std::erase_if(fewer, [&](const FragmentLine& one) { return one.symbol == line.symbol; });
      const auto without = judged(name, config_of(to_text(fewer, {})));
      const bool startup = std::ranges::any_of(matrix.rows, [&](const MatrixRow& row) {
        const auto symbols = row.symbols.symbols();
        return row.severity == Severity::startup && std::ranges::find(symbols, line.symbol) != symbols.end();
      });
      if (startup) {
        EXPECT_EQ(without.verdict, Verdict::fail) << line.symbol;
        EXPECT_TRUE(without.headline.starts_with("NOT READY for ")) << without.headline;
      }
    }
  }
}

TEST(Requirements, WithoutAConfigurationNothingIsReady) {
  Evidence evidence;
  evidence.kernel = Version{{6, 12, 0}};
  const auto subject =
      judge_requirements(requirements_of("systemd").value(), "systemd", evidence, "running kernel");
  EXPECT_EQ(subject.verdict, Verdict::unknown);
}

TEST(Requirements, AFragmentHoldsBothAndSaysForWhom) {
  const auto matrix = with_requirements(builtin_matrix().value(), {"podman", "systemd"}).value();
  FragmentQuestion question{{criu_versions().preferred}, {}, "x86_64", Version{{6, 12, 0}}, false};
  const std::string text = to_text(with_dependencies(matrix, question, required_lines(matrix, question)),
                                   heading_of(question, matrix));
  for (const char* wanted : {"CONFIG_CHECKPOINT_RESTORE=y", "CONFIG_BRIDGE=y", "CONFIG_FHANDLE=y",
                             "what these ask: podman, systemd", "(podman)\n"})
    EXPECT_TRUE(text.contains(wanted)) << wanted;
}

}  // namespace
}  // namespace cg
