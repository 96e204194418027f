#include "criu/judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

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

void PrintTo(const RuleCase& rule, std::ostream* out) {
  *out << rule.name;
}

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
  by_criu.criu = VersionRange::parse(">=99.0").value();
  EXPECT_EQ(judge_one(by_criu, evidence)[0].verdict, Verdict::not_applicable);
  MatrixRow by_kernel = row(Severity::startup, "X");
  by_kernel.kernel = VersionRange::parse(">=5.12").value();
  EXPECT_EQ(judge_one(by_kernel, evidence)[0].verdict, Verdict::not_applicable);
  MatrixRow by_architecture = row(Severity::startup, "X");
  by_architecture.architectures = {"x86_64"};
  const auto findings = judge_one(by_architecture, evidence);
  EXPECT_EQ(findings[0].verdict, Verdict::not_applicable);
  EXPECT_TRUE(findings[0].seen.contains("riscv64"));
  // A kernel whose version is not known is taken for a new one.
  evidence.kernel.reset();
  EXPECT_EQ(judge_one(by_kernel, evidence)[0].verdict, Verdict::fail);
  for (const char* ended : {"<6.1", ">=5.12 <6.1", "5.12 || <=6.1"}) {
    by_kernel.kernel = VersionRange::parse(ended).value();
    EXPECT_EQ(judge_one(by_kernel, evidence)[0].verdict, Verdict::unknown) << ended;
  }
}

MatrixRow window_row(std::string probe, std::string proof) {
  MatrixRow result = row(Severity::dump, "", std::move(probe));
  result.window = true;
  result.kernel = VersionRange::parse(">=6.16").value();
  result.proof = std::move(proof);
  return result;
}

TEST(Judge, AWindowThatIsProvenFailsWhereTheVersionIsKnown) {
  struct {
    const char* probe;
    const char* proof;
    const char* kernel;
    Verdict verdict;
  } const cases[] = {
      {"", "read", "6.18", Verdict::warn},
      {"", "lab:x", "6.18", Verdict::fail},
      {"", "report", "6.18", Verdict::fail},
      {"p", "lab:x", "6.18", Verdict::fail},
      {"p", "report", "6.18", Verdict::fail},
      {"p", "read", "6.18", Verdict::warn},
      {"p", "lab:x", "6.12", Verdict::not_applicable},
      {"", "lab:x", "6.12", Verdict::not_applicable},
      {"", "lab:x", "", Verdict::unknown},
  };
  for (const auto& test : cases) {
    Evidence evidence;
    evidence.kernel = parse_version(test.kernel);
    const auto findings = judge_one(window_row(test.probe, test.proof), evidence);
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].verdict, test.verdict) << test.proof << " " << test.kernel;
    if (test.verdict != Verdict::not_applicable) {
      EXPECT_EQ(findings[0].required, test.verdict == Verdict::fail);
    }
  }
}

TEST(Judge, AProbeDecidesAWindowWhateverTheVersion) {
  Evidence evidence;
  evidence.kernel = parse_version("6.12.99");
  evidence.probe = [](std::string_view) { return ProbeResult{Status::fail, "back-ported"}; };
  EXPECT_EQ(judge_one(window_row("p", "read"), evidence)[0].verdict, Verdict::fail);
  evidence.kernel = parse_version("6.18");
  evidence.probe = [](std::string_view) { return ProbeResult{Status::pass, ""}; };
  EXPECT_EQ(judge_one(window_row("p", "lab:x"), evidence)[0].verdict, Verdict::pass);
  // One that could not look leaves the word to the version.
  evidence.probe = [](std::string_view) { return ProbeResult{Status::unknown, "no"}; };
  EXPECT_EQ(judge_one(window_row("p", "lab:x"), evidence)[0].verdict, Verdict::fail);
  EXPECT_EQ(judge_one(window_row("p", "read"), evidence)[0].verdict, Verdict::warn);
  evidence.kernel = parse_version("6.12.99");
  EXPECT_EQ(judge_one(window_row("p", "lab:x"), evidence)[0].verdict, Verdict::not_applicable);
}

TEST(Judge, AConfigurationMayExcuseAWindow) {
  Evidence evidence;
  evidence.kernel = parse_version("6.18");
  MatrixRow window = window_row("", "lab:x");
  window.symbols = Expression::parse("!X").value();
  window.fix = "f";
  const KernelConfig excused = config("# CONFIG_X is not set\n"), hit = config("CONFIG_X=y\n");
  evidence.config = &excused;
  EXPECT_EQ(judge_one(window, evidence)[0].verdict, Verdict::pass);
  evidence.config = &hit;
  EXPECT_EQ(judge_one(window, evidence)[0].verdict, Verdict::fail);
  EXPECT_EQ(judge_one(window, evidence)[0].fix, "f") << "no second remedy beside the row's own";
  evidence.kernel = parse_version("6.12");
  EXPECT_EQ(judge_one(window, evidence)[0].verdict, Verdict::not_applicable);
}

TEST(Judge, AMachineWithoutAPortIsNotReady) {
  const Matrix matrix = builtin_matrix().value();
  struct {
    const char* architecture;
    const char* ready;  // range of versions
  } const cases[] = {
      {"i386", "<0.1"},          {"ppc64", "<0.1"},
      {"sparc64", "<0.1"},       {"um", "<0.1"},
      {"riscv32", "<0.1"},       {"riscv64", ">=4.1"},
      {"loongarch64", ">=3.19"}, {"s390x", "<4.2 || >4.2"},
      {"x86_64", "*"},           {"", "*"},
  };
  for (const auto& test : cases) {
    Evidence evidence;
    evidence.kernel = parse_version("5.15");
    evidence.architecture = test.architecture;
    const auto ready = VersionRange::parse(test.ready).value();
    for (const auto& version : criu_versions().all) {
      const auto findings = judge(matrix, Question{version, {}}, evidence);
      EXPECT_EQ(overall_verdict(findings) != Verdict::fail, ready.contains(version))
          << test.architecture << " " << version.text();
    }
  }
}

// Nothing that breaks ordinary containers is known of the CRIU that is taken unless another is named, neither
// on the kernel that is built unless another is named nor on those of today's guests.
TEST(Judge, TheDefaultsFitEachOther) {
  const Matrix matrix = builtin_matrix().value();
  const Version criu = criu_versions().preferred;
  for (const char* kernel : {"6.12.47", "6.12.117", "6.18.35", "6.18.44", "7.3.4"})
    for (const auto& row : matrix.rows)
      if (row.window && row.severity != Severity::feature && row.kernel.contains(*parse_version(kernel))) {
        EXPECT_FALSE(row.criu.contains(criu)) << row.id << ": CRIU " << criu.text() << " on Linux " << kernel;
      }
}

TEST(MatrixArchitecture, KnowsKernelAndUnameNames) {
  struct {
    const char* name;
    const char* config;  // nullptr: none
    const char* expected;
  } const cases[] = {
      {"aarch64", nullptr, "arm64"},
      {"x86", nullptr, "x86_64"},
      {"s390", nullptr, "s390x"},
      {"powerpc", nullptr, "ppc64le"},
      {"ppc64", nullptr, "ppc64"},
      {"i686", nullptr, "i386"},
      {"armv7l", nullptr, "arm"},
      {"vax", nullptr, ""},
      {"", nullptr, ""},
      {"", "CONFIG_ARM64=y\n", "arm64"},
      {"", "CONFIG_X86_32=y\n", "i386"},
      {"x86", "CONFIG_X86_64=y\n", "x86_64"},
      {"x86", "CONFIG_NET=y\n", "x86_64"},  // a fragment that does not say
      {"x86", "# CONFIG_64BIT is not set\n# CONFIG_X86_64 is not set\n", "i386"},
      {"x86", "# Linux/x86 6.12.0 Kernel Configuration\nCONFIG_X86_32=y\n", "i386"},
      {"i386", "# Linux/i386 6.12.0 Kernel Configuration\nCONFIG_X86_32=y\n", "i386"},
      {"i386", "# Linux/i386 6.12.0 Kernel Configuration\nCONFIG_X86_64=y\n", "x86_64"},
      {"powerpc", "# Linux/powerpc 6.12.0 Kernel Configuration\nCONFIG_PPC64=y\nCONFIG_CPU_BIG_ENDIAN=y\n",
       "ppc64"},
      {"powerpc", "# Linux/powerpc 6.12.0 Kernel Configuration\nCONFIG_PPC64=y\nCONFIG_CPU_LITTLE_ENDIAN=y\n",
       "ppc64le"},
      {"powerpc", "# Linux/powerpc 6.12.0 Kernel Configuration\nCONFIG_PPC32=y\n", "ppc"},
      {"riscv", "# Linux/riscv 6.12.0 Kernel Configuration\nCONFIG_32BIT=y\n", "riscv32"},
      {"x86", "CONFIG_UML=y\nCONFIG_X86_64=y\n", "um"},
  };
  for (const auto& test : cases) {
    const KernelConfig parsed = config(test.config ? test.config : "");
    EXPECT_EQ(matrix_architecture(test.name, test.config ? &parsed : nullptr), test.expected)
        << test.name << " " << (test.config ? test.config : "");
  }
}

TEST(Judge, TheKernelsThatBreakCriu) {
  const Matrix matrix = builtin_matrix().value();
  const auto verdict = [&](const char* kernel, const char* criu, std::string_view id,
                           const char* lines = "") {
    const KernelConfig parsed = config(lines);
    Evidence evidence;
    evidence.config = &parsed;
    evidence.kernel = parse_version(kernel);
    evidence.architecture = "x86_64";
    for (const auto& finding : judge(matrix, Question{parse_version(criu).value(), {}}, evidence))
      if (finding.id == id) return std::string(verdict_name(finding.verdict));
    return std::string("absent");
  };
  struct {
    const char* id;
    const char* criu;
    const char* kernel;
    const char* expected;
  } const cases[] = {
      {"window.detached-propagation", "4.1", "6.1.141", "N/A"},
      {"window.detached-propagation", "4.1", "6.1.142", "FAIL"},
      {"window.detached-propagation", "4.1", "6.1.148", "FAIL"},
      {"window.detached-propagation", "4.1", "6.1.149", "N/A"},
      {"window.detached-propagation", "3.17.1", "6.12.34", "FAIL"},
      {"window.detached-propagation", "4.0", "6.12.43", "FAIL"},
      {"window.detached-propagation", "4.0", "6.12.44", "N/A"},
      {"window.detached-propagation", "4.0", "6.12.117", "N/A"},
      {"window.detached-propagation", "4.1.1", "6.12.40", "N/A"},
      {"window.pass-credentials", "4.1.1", "6.16", "FAIL"},
      {"window.pass-credentials", "4.1.1", "6.15.11", "N/A"},
      {"window.pass-credentials", "4.2", "7.3", "N/A"},
      {"kernel.udplite-diag", "4.2", "7.1", "WARN"},
      {"kernel.udplite-diag", "4.2.1", "7.1", "N/A"},
      {"kernel.udplite-diag", "4.2", "6.12", "N/A"},
      {"window.veth-user-namespace", "4.2", "7.0", "WARN"},
      {"window.rseq-before-5.13", "4.2.1", "4.17", "N/A"},
      {"window.before-membarrier", "4.2.1", "3.10", "FAIL"},
      {"window.before-membarrier", "3.18", "3.10", "N/A"},
      {"kernel.membarrier", "4.2.1", "3.10", "N/A"},
      {"kernel.madvise", "4.2.1", "3.10", "N/A"},
  };
  for (const auto& test : cases)
    EXPECT_EQ(verdict(test.kernel, test.criu, test.id), test.expected)
        << test.id << " CRIU " << test.criu << " Linux " << test.kernel;
  EXPECT_EQ(verdict("5.10.200", "4.2.1", "window.rseq-before-5.13", "CONFIG_RSEQ=y\n"), "WARN");
  EXPECT_EQ(verdict("5.10.200", "4.2.1", "window.rseq-before-5.13"), "PASS");
  EXPECT_EQ(verdict("5.10.200", "4.2.1", "config.expert-rseq", "CONFIG_EXPERT=y\n"), "N/A");
  EXPECT_EQ(verdict("6.12", "4.2.1", "config.expert-rseq", "CONFIG_EXPERT=y\n"), "WARN");
  const char* nft = "CONFIG_NETFILTER_XT_MATCH_MARK=y\nCONFIG_NF_TABLES=y\nCONFIG_NFT_COMPAT=y\n";
  const std::string both = std::string(nft) + "CONFIG_NF_TABLES_IPV4=y\n";
  EXPECT_EQ(verdict("6.12", "4.2.1", "kernel.iptables-mark", nft), "WARN");
  EXPECT_EQ(verdict("6.12", "4.2.1", "kernel.iptables-mark", both.c_str()), "PASS");
  EXPECT_EQ(verdict("6.12", "4.2.1", "kernel.ip6tables-mark", both.c_str()), "WARN");
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
        if (file.path().extension() == ".conf") merge_config(all, load_request(file.path()).value());
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
    if (row.severity != Severity::startup || row.symbols.empty() || row.window) continue;
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
