// One case with one CRIU: kcheck is asked, CRIU is run, both answers stand side by side.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "criu/version.h"
#include "world.h"

namespace cg::lab {

struct Case {
  std::string id;
  std::string what;
  std::vector<Taking> away;         // from kcheck and CRIU; files from the task too
  std::string place = "session";    // where the task is started
  std::vector<std::string> holds;   // what it holds
  std::vector<std::string> after;   // what is done to it before the dump
  std::vector<std::string> change;  // what is done to the world between dump and restore
  bool through_runtime =
      false;          // the runtime that made the container checkpoints and restores it, paused before
  VersionRange criu;  // the versions it is run with
};
Result<std::vector<Case>> load_cases(const std::filesystem::path& file);

struct Programs {
  std::string kcheck;
  std::map<Version, std::string> criu;
};

// What kcheck says, and what CRIU then does.
enum class Answer { works, no_start, dump_refused, hangs, restore_fails };
std::string_view answer_name(Answer answer);

struct Outcome {
  std::string id;
  std::string what;
  Version criu;
  Version restored_by;  // as a rule the same
  // By the kernel and the tree as they are, with no options.
  Answer predicted = Answer::works;
  Answer happened = Answer::works;
  // With the options that kcheck proposes, where it proposes some.
  std::vector<std::string> proposed;
  bool has_proposal = false;
  Answer expected = Answer::works;  // with them: the options do not mend the system
  Answer with_proposal = Answer::works;
  std::string message;  // CRIU's, of what failed
  std::string reasons;  // ids of kcheck's findings
  std::string broken;   // why the case could not be set up
  bool absent = false;  // because this kernel does not have what the task is to hold

  bool agrees() const;
};

enum class Pairs { same, across };
// Runs the case in a child of its own, for each of its versions, and prints an object a line: docs/lab.md
// says what stands in it. Across: what each of them has dumped is restored by each.
void run_case(const Case& one, const Programs& programs, Pairs pairs = Pairs::same);

}  // namespace cg::lab
