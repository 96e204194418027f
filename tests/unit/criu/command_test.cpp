// CRIU's command line: taken apart as getopt_long does, judged for each version, and the option table
// compared with the programs themselves where they have been built.
#include "criu/command.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/process.h"
#include "base/text.h"
#include "built_criu.h"
#include "criu/versions.h"

namespace cg {
namespace {

const OptionTable& table() {
  static const OptionTable loaded = builtin_option_table().value();
  return loaded;
}

Version version(std::string_view text) {
  return parse_version(text).value();
}

std::vector<Finding> judge(std::string_view criu, const std::string& words) {
  return judge_criu_command(table(), version(criu),
                            parse_criu_command(table(), version(criu), split(words, ' ')));
}

// "fail flags.masters-alone" for each finding.
std::string told(std::string_view criu, const std::string& words) {
  std::vector<std::string> lines;
  for (const auto& finding : judge(criu, words))
    lines.push_back((finding.verdict == Verdict::warn ? "warn " : "fail ") + finding.id.substr(6));
  return join(lines, ", ");
}

TEST(ParseCommand, AsGetoptDoes) {
  const auto command = parse_criu_command(
      table(), version("4.2"),
      {"/usr/sbin/criu", "dump", "-t", "17", "-D/images", "-jlv4", "--tcp-est", "--external", "mnt[]:m",
       "--external=mnt[/a]:a", "--manage-cgroups", "--no-shell-job", "-x", "--", "-t"});
  EXPECT_EQ(command.program, "/usr/sbin/criu");
  EXPECT_EQ(command.action, "dump");
  EXPECT_EQ(command.value("tree"), "17");
  EXPECT_EQ(command.value("images-dir"), "/images");
  EXPECT_FALSE(command.has("shell-job"));  // taken back
  EXPECT_TRUE(command.has("file-locks"));
  EXPECT_EQ(command.value("verbosity"), "4");
  EXPECT_TRUE(command.has("tcp-established"));
  EXPECT_EQ(command.values("external"), (std::vector<std::string>{"mnt[]:m", "mnt[/a]:a"}));
  EXPECT_TRUE(command.has("manage-cgroups"));
  EXPECT_EQ(command.value("manage-cgroups"), std::nullopt);
  EXPECT_TRUE(command.has("ext-unix-sk"));
  EXPECT_EQ(command.rest, std::vector<std::string>{"-t"});
  EXPECT_TRUE(command.problems.empty());
}

TEST(ParseCommand, ProgramAndActionMayBeMissing) {
  EXPECT_EQ(parse_criu_command(table(), version("4.2"), {"dump", "-t", "1"}).action, "dump");
  EXPECT_EQ(parse_criu_command(table(), version("4.2"), {"-t", "1"}).action, "");
  EXPECT_EQ(parse_criu_command(table(), version("4.2"), {}).program, "");
  EXPECT_EQ(parse_criu_command(table(), version("4.2"), {"criu"}).action, "");
}

TEST(JudgeCommand, Verdicts) {
  struct {
    const char* criu;
    const char* command;
    const char* told;
  } const cases[] = {
      {"4.2", "criu dump -t 1 -D /i -o d.log -v4 --shell-job", ""},
      {"3.17.1", "criu dump -t 1 --external mnt[]:m", ""},
      {"4.1.1", "criu restore -D /i -d --external mnt[] --tcp-established", ""},
      {"4.1.1", "criu check --all", ""},
      {"4.1.1", "criu cpuinfo dump", ""},
      // unknown to this version
      {"4.1.1", "criu dump -t 1 --allow-uprobes", "fail unknown.allow-uprobes"},
      {"4.2", "criu dump -t 1 --allow-uprobes", ""},
      {"3.17.1", "criu dump -t 1 --unprivileged --no-ghost-fiemap",
       "fail unknown.unprivileged, fail unknown.no-ghost-fiemap"},
      {"3.18", "criu dump -t 1 --unprivileged", ""},
      {"4.2", "criu dump -t 1 --pidfd-store", "fail unknown.pidfd-store"},
      {"4.2", "criu dump -t 1 --shel-job", "fail unknown.shel-job"},
      {"4.2", "criu dump -t 1 -F", "fail unknown.F"},
      {"4.2", "criu dump -t 1 --t", "fail ambiguous.t"},
      {"4.2", "criu dump -t 1 --tls --external mnt[]:m", ""},  // the whole name, and others begin like it
      // 4.3
      {"4.2.1", "criu dump -t 1 --compress", "fail unknown.compress"},
      {"4.3", "criu dump -t 1 -c", "warn compress-build"},
      {"4.3", "criu dump -t 1 --compress-block 65536", "warn compress-build"},
      {"4.3", "criu dump -t 1 --compress-block 8k", "fail value.compress-block, warn compress-build"},
      {"4.3", "criu dump -t 1 --compress-block 0", "fail value.compress-block, warn compress-build"},
      {"4.3", "criu dump -t 1 --compress-block 8388608", "fail value.compress-block, warn compress-build"},
      {"4.3", "criu dump -t 1 --compress-acceleration 65538",
       "fail value.compress-acceleration, warn compress-build"},
      {"4.3", "criu restore -D /i -d --decompress-threads 1024", ""},
      {"4.3", "criu restore -D /i -d --decompress-threads 1025", "fail value.decompress-threads"},
      {"4.3", "criu restore -D /i -d --decompress-threads 99999999999999999999999",
       "fail value.decompress-threads"},
      {"4.3", "criu page-server --port 9 -c", "fail compress-elsewhere"},
      {"4.3", "criu dump -t 1 --image-io-mode direct", ""},
      {"4.3", "criu dump -t 1 --image-io-mode fast", "fail value.image-io-mode"},
      {"4.3", "criu dump -t 1 --plugin-option cuda.x=1", ""},
      {"4.3", "criu dump -t 1 --plugin-option cuda", "fail value.plugin-option"},
      {"4.3", "criu dump -t 1 --stream --page-server", "fail stream-to-page-server"},
      {"4.3", "criu check --feature breakpoints", "fail value.feature"},
      {"4.2.1", "criu check --feature compress", "fail value.feature"},
      // without effect
      {"3.17.1", "criu dump -t 1 --enable-external-masters", "warn masters-alone"},
      {"4.2.1", "criu dump -t 1 --enable-external-masters", "warn masters-alone"},
      {"4.2", "criu dump -t 1 --enable-external-masters --ext-mount-map auto", ""},
      {"4.2", "criu dump -t 1 --enable-external-masters --external mnt[]", ""},
      {"4.2", "criu dump -t 1 --enable-external-sharing", "warn sharing-alone"},
      // wrong values
      {"4.2", "criu dump -t 1 --external mnt[]:ms", "fail mnt-two-letters"},
      {"4.2", "criu dump -t 1 --external mnt[]:m --external mnt[]:s", ""},
      {"4.2", "criu dump -t 1 --external mnt[]:x", "fail value.external"},
      {"4.2", "criu dump -t 1 --external mount[/a]:b", "fail value.external"},
      {"4.2", "criu dump -t 1 --external file[1f:2a] --external pid[4026531836]:p", ""},
      {"4.2", "criu dump -t 0", "fail value.tree"},
      {"4.2", "criu dump -t init", "fail value.tree"},
      {"4.2", "criu dump -t 1 --ghost-limit 10m", "fail value.ghost-limit"},
      {"4.2", "criu dump -t 1 --ghost-limit 10M", ""},
      {"4.2", "criu dump -t 1 --manage-cgroups=hard", "fail value.manage-cgroups"},
      {"4.2", "criu dump -t 1 --manage-cgroups soft", "fail excess"},
      {"3.18", "criu dump -t 1 --network-lock skip", "fail value.network-lock"},
      {"3.19", "criu dump -t 1 --network-lock skip", "warn network-unlocked"},
      {"3.19", "criu check --feature pagemap_scan", "fail value.feature"},
      {"4.0", "criu check --feature pagemap_scan", ""},
      {"4.2", "criu dump -t 1 --leave-running=yes", "fail value.leave-running"},
      {"4.2", "criu dump --tree", "fail value.tree, fail no-tree"},
      // at the wrong action
      {"4.2", "criu dump -t 1 --mntns-compat-mode", "fail misplaced.mntns-compat-mode"},
      {"4.2", "criu dump -t 1 --inherit-fd fd[3]:pipe[7]", "fail misplaced.inherit-fd"},
      {"4.2", "criu restore --freeze-cgroup /sys/fs/cgroup/a", "warn misplaced.freeze-cgroup"},
      {"4.2", "criu dump -t 1 --feature timens", "warn misplaced.feature"},
      // what wrappers give every day: accepted, and not read there
      {"4.2", "criu dump -t 1 --pidfile /run/p", "warn misplaced.pidfile"},
      {"4.2", "criu dump -t 1 --root /r", "warn misplaced.root"},
      {"4.2", "criu restore --link-remap --ghost-limit 10M --skip-in-flight",
       "warn misplaced.link-remap, warn misplaced.ghost-limit, warn misplaced.skip-in-flight"},
      {"4.2", "criu restore --enable-external-masters --enable-external-sharing",
       "warn misplaced.enable-external-masters, warn misplaced.enable-external-sharing"},
      {"4.2", "criu restore --lazy-pages --address 10.0.0.1 --port 27", "warn lazy-address"},
      {"4.2", "criu restore --lazy-pages", ""},
      {"4.2", "criu lazy-pages --page-server --address 10.0.0.1 --port 27", ""},
      {"4.2", "criu pre-dump -t 1 -D b --prev-images-dir a", "warn parent-relative"},
      {"4.2", "criu pre-dump -t 1 -D b --prev-images-dir ../a", ""},
      {"4.2", "criu dump -t 1 -D b --prev-images-dir /a", "warn parent-absolute"},
      // one dash for two
      {"4.2", "criu dump -t 1 -shell-job", "fail one-dash.shell-job"},
      {"4.2", "criu dump -tree 1 -D/images", "fail one-dash.tree"},
      {"4.2", "criu dump -t 1 -leave-running=x", "fail one-dash.leave-running, fail value.leave-running"},
      {"4.2", "criu dump -t1 -jl -v4", ""},
      // contradictory, refused
      {"4.2", "criu dump -t 1 -R -s", "warn running-and-stopped"},
      {"4.2", "criu dump", "fail no-tree"},
      {"4.2", "criu restore --restore-sibling", "fail sibling-attached"},
      {"4.2", "criu restore -S -d", ""},
      {"4.2", "criu dump -t 1 -S", "warn misplaced.restore-sibling, fail sibling-attached"},
      // a value that is refused wherever it stands
      {"4.2", "criu dump -t 1 --lsm-profile x", "warn misplaced.lsm-profile, fail value.lsm-profile"},
      {"4.2", "criu dump -t 1 --lsm-profile apparmor:x", "warn misplaced.lsm-profile"},
      {"4.2", "criu dump -t 1 --join-ns x", "warn misplaced.join-ns, fail value.join-ns"},
      // behind what starts it
      {"4.2", "sudo -E criu dump -t 1", ""},
      {"4.2", "nsenter -t 1 -m -- /usr/sbin/criu dump -t 1 -j", ""},
      {"4.2", "timeout 5 criu dmup -t 1", "fail action"},
      {"4.2", "criu dump -t 1 -D criu", ""},
      {"4.2", "criu restore --exec-cmd -d -- sleep 1", "fail exec-detached"},
      {"4.2", "criu restore --exec-cmd -- sleep -n 1", ""},
      {"4.2", "criu restore --exec-cmd", "fail exec-cmd"},
      {"4.2", "criu", "fail action"},
      {"4.2", "criu dmup -t 1", "fail action"},
      {"4.2", "criu cpuinfo", "fail action"},
      {"4.2", "criu show", "fail action"},
      {"4.2", "criu dump 17", "fail excess, fail no-tree"},
      {"4.2", "criu dump -t 1 --tcp-close --tcp-established", "warn close-and-established"},
      // dangerous
      {"4.2", "criu dump -t 1 --manage-cgroups=ignore", "warn cgroups-ignored"},
      {"4.2", "criu dump -t 1 --skip-mnt /data", "warn skipped-mount"},
      {"4.2", "criu dump -t 1 --external mnt[]", "warn mnt-plain"},
      {"4.2", "criu dump -t 1 --timeout 0", "warn no-timeout"},
      {"4.2", "criu restore -t 1", "warn tree-at-restore"},
  };
  for (const auto& test : cases)
    EXPECT_EQ(told(test.criu, test.command), test.told) << test.criu << ": " << test.command;
}

TEST(JudgeCommand, SaysSinceWhen) {
  const auto findings = judge("4.1.1", "criu dump -t 1 --allow-uprobes");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_TRUE(findings[0].title.contains("exists since CRIU 4.2")) << findings[0].title;
  EXPECT_TRUE(judge("4.2", "criu dump -t 1 --shel-job")[0].fix.contains("--shell-job"));
  EXPECT_TRUE(judge("3.18", "criu dump -t 1 --network-lock skip")[0].title.contains("since CRIU 3.19"));
}

TEST(JudgeCommand, AnyWordsAreJudged) {
  for (const char* words : {"", "-", "--", "---", "--=", "-=", "- -- -", "--external", "\xff\xfe", "-t-t-t"})
    for (const auto& finding : judge("4.2", words)) EXPECT_FALSE(finding.title.empty()) << words;
}

TEST(Pattern, Signs) {
  EXPECT_TRUE(matches_pattern("mnt[/a]:b", "mnt[?*]:?*"));
  EXPECT_FALSE(matches_pattern("mnt[]:b", "mnt[?*]:?*"));
  EXPECT_TRUE(matches_pattern("fd[12]:x", "fd[#]:?*"));
  EXPECT_FALSE(matches_pattern("fd[]:x", "fd[#]:?*"));
  EXPECT_TRUE(matches_pattern("", "*"));
  EXPECT_FALSE(matches_pattern("", "?"));
  EXPECT_TRUE(matches_pattern("aXbXc", "a*c"));
  EXPECT_FALSE(matches_pattern(std::string(100000, 'a'), "*a*a*a*a*b"));
}

TEST(OptionTable, RefusesWhatIsNoTable) {
  for (const char* text :
       {"", "actions = [\"dump\"]", "actions = [\"dump\"]\n[[option]]\nname = \"a\"",
        "actions = [\"dump\"]\n[[option]]\nname = \"a\"\nsource = \"s\"\nargument = \"maybe\"",
        "actions = [\"dump\"]\n[[option]]\nname = \"a\"\nsource = \"s\"\nactions = [\"dupm\"]",
        "actions = [\"dump\"]\n[[option]]\nname = \"a\"\nsource = \"s\"\n[[option]]\nname = \"a\"\nsource = "
        "\"s\"",
        "actions = [\"dump\"]\n[[option]]\nname = \"a\"\nsource = \"s\"\n[[rule]]\nid = \"r\"\nwhen = "
        "[\"b\"]\n"})
    EXPECT_FALSE(parse_option_table(text, "table")) << text;
}

// What the program says to "--NAME" as its last word: does it know it, and does it want a value? No action is
// given, so nothing but the reading of the options happens.
struct Answer {
  bool known;
  ArgumentKind argument;
};

Answer ask(const std::string& criu, const std::string& option) {
  const auto says = [&](const std::string& word) {
    const auto result = run({criu, "--no-default-config", word});
    return result ? result->out + result->err : "cannot run";
  };
  const std::string bare = says("--" + option);
  if (bare.contains("unrecognized option '--" + option + "'")) return {false, ArgumentKind::none};
  if (bare.contains("requires an argument")) return {true, ArgumentKind::required};
  const bool takes = !says("--" + option + "=1").contains("doesn't allow an argument");
  return {true, takes ? ArgumentKind::optional : ArgumentKind::none};
}

TEST(OptionTable, AgreesWithThePrograms) {
  std::size_t asked = 0;
  for (const Version& criu : criu_versions().all) {
    const std::filesystem::path program = built_criu(criu);
    if (program.empty()) continue;
    for (const auto& option : table().options) {
      for (const std::string& name : {option.name, "no-" + option.name}) {
        const Answer answer = ask(program, name);
        // Taken apart here: a name may also be the beginning of another, as no-all is of no-allow-uprobes.
        const auto problems = parse_criu_command(table(), criu, {"--" + name}).problems;
        const bool known = problems.empty() || problems[0].kind != CommandProblem::Kind::unknown_option;
        EXPECT_EQ(answer.known, known) << criu.text() << " --" << name;
        ++asked;
      }
      if (!option.criu.contains(criu)) continue;
      EXPECT_EQ(ask(program, option.name).argument, option.argument) << criu.text() << " --" << option.name;
    }
    // Nothing is missing either: every long option that --help shows is in the table.
    const auto help = run({program, "--help"});
    ASSERT_TRUE(help);
    for (const std::string text = help->out + help->err; const auto line : split_lines(text)) {
      const auto at = line.find("--");
      const std::string_view before = line.substr(0, std::min(at, line.size()));
      if (at == line.npos ||
          before.find_first_not_of(" \t|-[]v.NUMabcdefghijklmnopqrstuwxyzSDWRLJV") != before.npos)
        continue;
      const std::string_view name =
          line.substr(at + 2, line.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at + 2) - at - 2);
      if (before.find_first_not_of(" ") != before.npos && before.find('|') == before.npos) continue;
      if (name.empty() || name.starts_with("no-")) continue;
      const CriuOption* option = table().find(name);
      EXPECT_TRUE(option && option->criu.contains(criu)) << criu.text() << " --help: --" << name;
    }
  }
  if (!asked) GTEST_SKIP() << "no CRIU has been built here";
}

TEST(Judge, NamesTheNegatedNamesThatAnAmbiguousWordMayBe) {
  const Version version = parse_version("4.2").value();
  const auto findings = judge_criu_command(
      table(), version, parse_criu_command(table(), version, {"criu", "dump", "-t", "1", "--no-"}));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].id, "flags.ambiguous.no-");
  for (const char* name : {"--no-default-config", "--no-tcp-established", "--no-shell-job"})
    EXPECT_TRUE(findings[0].title.contains(name)) << findings[0].title;
}

}  // namespace
}  // namespace cg
