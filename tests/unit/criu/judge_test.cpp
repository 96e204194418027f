#include "criu/judge.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "criu/versions.h"

namespace cg {
namespace {

using Status = ProbeResult::Status;

MatrixRow row(Severity severity, std::string_view symbols, std::string probe = "") {
  MatrixRow result;
  result.id = "kernel.x";
  result.symbols = Expression::parse(symbols).value();
  result.probe = std::move(probe);
  result.severity = severity;
  if (severity == Severity::feature) result.feature = "f";
  result.proof = "read";
  return result;
}

KernelConfig config(const std::string& text) {
  return parse_config(text, "c").value();
}

struct RuleCase {
  const char* name;
  Severity severity;
  const char* config;           // nullptr: none
  std::optional<Status> probe;  // nullopt: no probes
  bool feature_asked;
  Verdict expected;
  bool disagreement;
};

class VerdictRule : public testing::TestWithParam<RuleCase> {};

TEST_P(VerdictRule, Holds) {
  const auto& test = GetParam();
  Matrix matrix;
  matrix.rows.push_back(row(test.severity, "X", "p"));
  Evidence evidence;
  KernelConfig parsed;
  if (test.config) {
    parsed = config(test.config);
    evidence.config = &parsed;
  }
  if (test.probe) evidence.probe = [&](std::string_view) { return ProbeResult{*test.probe, "seen"}; };
  Question question{criu_versions().preferred, {}};
  if (test.feature_asked) question.features.insert("f");
  const auto findings = judge(matrix, question, evidence);
  ASSERT_EQ(findings.size(), test.disagreement ? 2U : 1U);
  EXPECT_EQ(findings[0].verdict, test.expected);
  if (test.disagreement) {
    EXPECT_EQ(findings[1].id, "kernel.x.disagreement");
    EXPECT_EQ(findings[1].verdict, Verdict::warn);
    EXPECT_FALSE(findings[1].required);
  }
}

constexpr const char* on = "CONFIG_X=y\n";
constexpr const char* off = "# CONFIG_X is not set\n";
constexpr const char* module = "CONFIG_MODULES=y\nCONFIG_X=m\n";
constexpr const char* module_without_modules = "CONFIG_X=m\n";
constexpr auto none = std::nullopt;

INSTANTIATE_TEST_SUITE_P(
    Rules, VerdictRule,
    testing::Values(
        RuleCase{"ConfigOn", Severity::startup, on, none, false, Verdict::pass, false},
        RuleCase{"ConfigOff", Severity::startup, off, none, false, Verdict::fail, false},
        RuleCase{"DumpOff", Severity::dump, off, none, false, Verdict::fail, false},
        RuleCase{"RestoreOff", Severity::restore, off, none, false, Verdict::fail, false},
        RuleCase{"FeatureOff", Severity::feature, off, none, false, Verdict::warn, false},
        RuleCase{"FeatureAskedOff", Severity::feature, off, none, true, Verdict::fail, false},
        RuleCase{"HarmfulOff", Severity::harmful, off, none, false, Verdict::warn, false},
        RuleCase{"BetterOff", Severity::better_off, off, none, false, Verdict::warn, false},
        RuleCase{"Module", Severity::startup, module, none, false, Verdict::warn, false},
        RuleCase{"ModuleWithoutModules", Severity::startup, module_without_modules, none, false,
                 Verdict::fail, false},
        RuleCase{"ProbePass", Severity::startup, nullptr, Status::pass, false, Verdict::pass, false},
        RuleCase{"ProbeFail", Severity::startup, nullptr, Status::fail, false, Verdict::fail, false},
        RuleCase{"ProbeUnknown", Severity::startup, nullptr, Status::unknown, false, Verdict::unknown, false},
        RuleCase{"ProbeNotApplicable", Severity::startup, nullptr, Status::not_applicable, false,
                 Verdict::not_applicable, false},
        RuleCase{"ProbeOutranksConfigOn", Severity::startup, on, Status::fail, false, Verdict::fail, true},
        RuleCase{"ProbeOutranksConfigOff", Severity::startup, off, Status::pass, false, Verdict::pass, true},
        RuleCase{"Agree", Severity::startup, on, Status::pass, false, Verdict::pass, false},
        RuleCase{"AgreeOff", Severity::startup, off, Status::fail, false, Verdict::fail, false},
        RuleCase{"ConfigStepsInOn", Severity::startup, on, Status::unknown, false, Verdict::pass, false},
        RuleCase{"ConfigStepsInOff", Severity::startup, off, Status::unknown, false, Verdict::fail, false}),
    [](const auto& test) { return std::string(test.param.name); });

std::vector<Finding> judge_one(const MatrixRow& only, const Evidence& evidence,
                               Version criu = criu_versions().preferred) {
  Matrix matrix;
  matrix.rows.push_back(only);
  return judge(matrix, Question{criu, {}}, evidence);
}

TEST(Judge, LeavesOutWhatOnlyAProbeKnows) {
  const KernelConfig empty;
  Evidence evidence;
  evidence.config = &empty;
  EXPECT_TRUE(judge_one(row(Severity::startup, "", "p"), evidence).empty());
}

TEST(Judge, AFragmentLeavesUnmentionedSymbolsOpen) {
  const KernelConfig fragment = config("CONFIG_Y=y\n");
  Evidence evidence;
  evidence.config = &fragment;
  evidence.config_is_complete = false;
  const auto findings = judge_one(row(Severity::startup, "X"), evidence);
  EXPECT_EQ(findings[0].verdict, Verdict::unknown);
  EXPECT_EQ(findings[0].seen, "CONFIG_X is not mentioned");
  EXPECT_TRUE(findings[0].fix.starts_with("CONFIG_X=y"));
}

TEST(Judge, NotApplicableOutsideOfItsRanges) {
  const KernelConfig empty;
  Evidence evidence;
  evidence.config = &empty;
  evidence.kernel = parse_version("5.10");
  evidence.architecture = "riscv64";
  MatrixRow by_criu = row(Severity::startup, "X");
  by_criu.criu = VersionRange::parse(">=4.2").value();
  EXPECT_EQ(judge_one(by_criu, evidence)[0].verdict, Verdict::not_applicable);
  MatrixRow by_kernel = row(Severity::startup, "X");
  by_kernel.kernel = VersionRange::parse(">=5.12").value();
  EXPECT_EQ(judge_one(by_kernel, evidence)[0].verdict, Verdict::not_applicable);
  MatrixRow by_architecture = row(Severity::startup, "X");
  by_architecture.architectures = {"x86_64"};
  const auto findings = judge_one(by_architecture, evidence);
  EXPECT_EQ(findings[0].verdict, Verdict::not_applicable);
  EXPECT_TRUE(findings[0].seen.contains("riscv64"));
  // Without the kernel's version a row with a kernel range does not fail.
  evidence.kernel.reset();
  EXPECT_EQ(judge_one(by_kernel, evidence)[0].verdict, Verdict::unknown);
}

MatrixRow window_row(std::string probe, std::string proof) {
  MatrixRow result = row(Severity::dump, "", std::move(probe));
  result.window = true;
  result.kernel = VersionRange::parse(">=6.16").value();
  result.proof = std::move(proof);
  return result;
}

TEST(Judge, AWindowOnlyWarnsUntilSomethingShowsIt) {
  Evidence evidence;
  evidence.kernel = parse_version("6.18");
  EXPECT_EQ(judge_one(window_row("", "read"), evidence)[0].verdict, Verdict::warn);
  EXPECT_EQ(judge_one(window_row("", "lab:x"), evidence)[0].verdict, Verdict::fail);
  // Where a probe could decide, the version alone does not, whatever the lab has shown: back-ports.
  EXPECT_EQ(judge_one(window_row("p", "lab:x"), evidence)[0].verdict, Verdict::warn);
  evidence.kernel = parse_version("6.12");
  EXPECT_EQ(judge_one(window_row("", "lab:x"), evidence)[0].verdict, Verdict::not_applicable);
  evidence.kernel.reset();
  const auto open = judge_one(window_row("", "lab:x"), evidence);
  EXPECT_EQ(open[0].verdict, Verdict::unknown);
  EXPECT_FALSE(open[0].required);
}

TEST(Judge, AProbeDecidesAWindowWhateverTheVersion) {
  Evidence evidence;
  evidence.kernel = parse_version("6.12.99");
  evidence.probe = [](std::string_view) { return ProbeResult{Status::fail, "back-ported"}; };
  EXPECT_EQ(judge_one(window_row("p", "read"), evidence)[0].verdict, Verdict::fail);
  evidence.kernel = parse_version("6.18");
  evidence.probe = [](std::string_view) { return ProbeResult{Status::pass, ""}; };
  EXPECT_EQ(judge_one(window_row("p", "read"), evidence)[0].verdict, Verdict::pass);
}

TEST(MatrixArchitecture, KnowsKernelAndUnameNames) {
  EXPECT_EQ(matrix_architecture("aarch64"), "arm64");
  EXPECT_EQ(matrix_architecture("x86"), "x86_64");
  EXPECT_EQ(matrix_architecture("s390"), "s390x");
  EXPECT_EQ(matrix_architecture("vax"), "");
  const auto config = parse_config("CONFIG_ARM64=y\n", "a.config");
  ASSERT_TRUE(config);
  EXPECT_EQ(matrix_architecture("", &*config), "arm64");
  EXPECT_EQ(matrix_architecture(""), "");
}

// Our own fragments, merged as text: what they state must be all that any CRIU version asks of a
// configuration.
class OurFragments : public testing::Test {
 protected:
  static KernelConfig merged() {
    KernelConfig all;
    const std::filesystem::path root = std::filesystem::path(CG_SOURCE_DIR) / "kconfig" / "fragments";
    for (const auto& directory : {root, root / "x86_64"})
      for (const auto& file : std::filesystem::directory_iterator(directory))
        if (file.path().extension() == ".conf") merge_config(all, load_config(file.path()).value());
    // What these select or default to, as the kernel's conf resolves it.
    merge_config(all, config("CONFIG_MEMFD_CREATE=y\nCONFIG_PERF_EVENTS=y\nCONFIG_KCMP=y\n"));
    return all;
  }
  static Subject judged(const KernelConfig& kernel, const char* criu) {
    Evidence evidence;
    evidence.config = &kernel;
    evidence.kernel = parse_version("6.12.47");
    evidence.architecture = "x86_64";
    return judge_subject(builtin_matrix().value(), Question{parse_version(criu).value(), {}}, evidence,
                         "ours");
  }
  // The known versions of a range, as not_ready() lists them; of "": none.
  static std::string versions_in(const std::string& range) {
    std::string list;
    for (const auto& version : criu_versions().all)
      if (!range.empty() && VersionRange::parse(range)->contains(version)) list += version.text() + " ";
    return list;
  }
  static std::string not_ready(const Subject& subject) {
    std::string list;
    for (const auto& version : subject.versions)
      if (version.verdict == Verdict::fail) list += version.version + " ";
    return list;
  }
};

TEST_F(OurFragments, AreReadyForEveryVersion) {
  const Subject subject = judged(merged(), "4.1.1");
  for (const auto& finding : subject.findings)
    EXPECT_NE(finding.verdict, Verdict::fail) << finding.id << ": " << finding.seen;
  EXPECT_TRUE(subject.headline.starts_with("READY for CRIU 4.1.1")) << subject.headline;
  EXPECT_EQ(not_ready(subject), "");
}

TEST_F(OurFragments, WithoutMembarrierAreNotReadyFrom319On) {
  KernelConfig kernel = merged();
  merge_config(kernel, config("# CONFIG_MEMBARRIER is not set\n# CONFIG_RSEQ is not set\n"));
  const Subject subject = judged(kernel, "3.19");
  EXPECT_EQ(not_ready(subject), versions_in(">=3.19"));
  const auto finding = std::ranges::find(subject.findings, "kernel.membarrier", &Finding::id);
  ASSERT_NE(finding, subject.findings.end());
  EXPECT_EQ(finding->verdict, Verdict::fail);
  EXPECT_TRUE(finding->fix.contains("CONFIG_MEMBARRIER=y"));
  EXPECT_EQ(judged(kernel, "3.17.1").verdict, Verdict::warn);  // EXPERT=y hides something: a remark
  EXPECT_EQ(judged(kernel, "3.18").verdict, Verdict::warn);
}

// Whatever start-up row: without one of its symbols it fails for exactly the versions that ask for it.
TEST_F(OurFragments, EachStartUpRowFailsForExactlyItsVersions) {
  const Matrix matrix = builtin_matrix().value();
  int rows = 0;
  for (const auto& row : matrix.rows) {
    if (row.severity != Severity::startup || row.symbols.empty()) continue;
    ++rows;
    const std::string symbol = row.symbols.symbols().front();
    KernelConfig kernel = merged();
    kernel.values[symbol].text = "n";
    const Subject subject = judged(kernel, "4.1.1");
    for (const auto& version : subject.versions) {
      const auto own = std::ranges::find(version.verdicts, row.id, &std::pair<std::string, Verdict>::first);
      ASSERT_NE(own, version.verdicts.end()) << row.id;
      EXPECT_EQ(own->second == Verdict::fail, row.criu.contains(parse_version(version.version).value()))
          << row.id << " without " << symbol << " for CRIU " << version.version;
      if (own->second == Verdict::fail) {
        EXPECT_EQ(version.verdict, Verdict::fail);
      }
    }
  }
  EXPECT_GT(rows, 15);
}

TEST_F(OurFragments, EachStartUpSymbolFlipsExactlyItsVersions) {
  const std::pair<const char*, const char*> cases[] = {{"HUGETLBFS", "<3.18"}, {"IPV6", "3.18"},
                                                       {"INOTIFY_USER", "*"},  {"UNIX_DIAG", "*"},
                                                       {"IA32_EMULATION", ""}, {"USERFAULTFD", ""}};
  for (const auto& [symbol, expected] : cases) {
    KernelConfig kernel = merged();
    kernel.values[symbol].text = "n";
    EXPECT_EQ(not_ready(judged(kernel, "4.1.1")), versions_in(expected)) << symbol;
  }
}

}  // namespace
}  // namespace cg
