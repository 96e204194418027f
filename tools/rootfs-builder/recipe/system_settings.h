// The part of a recipe that depends on what the layers below it hold: kernel modules, users, groups and
// units.
#pragma once

#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "image/tree/new_files.h"
#include "recipe/plan.h"

namespace cg {

// Everything that is not a copy of something dated gets `time`. `notes` are for people: a module that is
// built in.
Result<void> add_system_settings(const Plan& plan, image::NewFiles& builder, std::int64_t time,
                                 const Environment& env, std::vector<std::string>& notes);

}  // namespace cg
