#include "learn/learn_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "criu/learn/lacks.h"
#include "criu/learn/source_tree.h"
#include "learn/criu_program.h"

namespace cg {
namespace {

struct LearnCommand {
  std::string criu;
  std::string source;  // --source TREE
  std::string since;   // --since CRIU
  bool rows = false;   // --rows
};

Finding finding_of(const Lack& lack) {
  Finding finding;
  finding.id = "learn." + lack.id;
  finding.title = lack.title;
  finding.verdict = Verdict::fail;
  finding.required = true;
  finding.severity = "data";
  finding.fix = lack.row.empty() ? "recipes/" + lack.file
                                 : fmt::format("recipes/{}; --rows prints a row to review", lack.file);
  return finding;
}

Result<CriuFacts> learn(const LearnCommand& command) {
  CG_TRY(facts, learn_from_program(command.criu, run_criu(command.criu)));
  if (command.source.empty()) return facts;
  CG_TRY(texts, criu_source_texts(command.source));
  const std::string version = criu_source_version(command.source);
  if (version != facts.version.text())
    return refused(fmt::format("{} is the source of CRIU {}, {} is {}", command.source, version, command.criu,
                               facts.version.text()));
  facts.texts = std::move(texts);
  for (auto& option : facts.options) option.read_in = readers_of_option(command.source, option.name);
  return facts;
}

Subject subject_of(const LearnCommand& command, const CriuFacts& facts, const std::vector<Lack>& missing,
                   const Knowledge& knowledge) {
  Subject subject;
  subject.name = command.criu;
  for (const auto& lack : missing) subject.findings.push_back(finding_of(lack));
  subject.verdict = overall_verdict(subject.findings);
  subject.headline =
      missing.empty()
          ? fmt::format("NOTHING IS MISSING: what this CRIU {} tells of itself is known",
                        facts.version.text())
          : fmt::format("{} of CRIU {} not as the data have it",
                        missing.size() == 1 ? "1 thing" : fmt::format("{} things", missing.size()),
                        facts.version.text());
  const auto probes = facts.start_up_probes();
  subject.facts = {
      {"criu", fmt::format("{}, version {}", command.criu, facts.version.text())},
      {"options",
       fmt::format("{}, {} features of `criu check`", facts.options.size(), facts.features.size())},
      {"texts",
       fmt::format("{} errors and warnings, {} named by a row of criu-log.toml{}; {} start-up probes",
                   facts.texts.size(), named_texts(facts, knowledge),
                   command.source.empty() ? ", the others by their file, which only --source tells" : "",
                   probes.size())}};
  if (!facts.without.empty())
    subject.facts.emplace_back("built",
                               "without " + join({facts.without.begin(), facts.without.end()}, ", "));
  return subject;
}

}  // namespace

Command learn_command(KcheckOptions& options) {
  const auto command = std::make_shared<LearnCommand>();
  return {.name = "learn",
          .help = "What the data here lack about a CRIU binary, with rows to review",
          .options = {{"CRIU",
                       &command->criu,
                       "The program; it is asked for --version and --help",
                       {.required = true}},
                      {"--source TREE", &command->source,
                       "Its source tree: every text that nothing answers, and where an option is read"},
                      {"--since CRIU", &command->since, "What came and went since that program"},
                      {"--rows", &command->rows, "Print the rows (TOML) instead of the report"}},
          .examples = {{"kcheck learn out/criu-4.3 --since out/criu-4.2.1",
                        "what a new version brought, and what is not known of it"}},
          .run = [command, &options](Context& context) -> Result<int> {
            CG_TRY(facts, learn(*command));
            CG_TRY(table, builtin_option_table());
            CG_TRY(knowledge, builtin_knowledge());
            const auto missing = lacks(facts, {criu_versions(), table, knowledge});
            if (command->rows) {
              for (const auto& lack : missing)
                if (!lack.row.empty()) context.env.out << "# " << lack.file << "\n" << lack.row << "\n";
              return missing.empty() ? exit_good : exit_no;
            }
            Report report{"learn", facts.version.text(), {subject_of(*command, facts, missing, knowledge)}};
            if (!command->since.empty()) {
              CG_TRY(older, learn_from_program(command->since, run_criu(command->since)));
              // Texts of a source tree have other holes than those of a program.
              CG_TRY(own, learn_from_program(command->criu, run_criu(command->criu)));
              const auto lines = changes(older, own);
              report.subjects[0].facts.emplace_back(
                  "since", fmt::format("{}: {} changes", older.version.text(), lines.size()));
              Finding came;
              came.id = "learn.since";
              came.title = fmt::format("what came (+) and went (-) since {}", older.version.text());
              came.severity = "data";
              came.verdict = lines.empty() ? Verdict::pass : Verdict::warn;
              came.notes = lines;
              report.subjects[0].findings.push_back(std::move(came));
            }
            return deliver(std::move(report), options, context.env);
          }};
}

}  // namespace cg
