#!/bin/sh
# Puts a newer lock into a pull request, or into the one that is open: tools/propose_lock.sh FOLDER
# The folder holds requirements.lock, tested, and versions.md, which says what has changed.
set -eu
new=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
branch=update/lock
cp "$new/requirements.lock" requirements.lock
if git diff --quiet -- requirements.lock; then echo "the lock is the newest already"; exit 0; fi
{
    cat "$new/versions.md"
    echo
    echo "Made by \`make lock\`; \`make test\` has passed with it. GitHub starts no checks for a pull"
    echo "request made by a workflow: close it and open it again to see them run."
} >"$new/body.md"
git switch --quiet --force-create "$branch"
git -c user.name=weekly -c user.email=weekly@users.noreply.github.com \
    commit --quiet --message "Newer versions in the lock" -- requirements.lock
git push --quiet --force origin "$branch"
if [ "$(gh pr list --state open --head "$branch" --json number --jq length)" = 0 ]; then
    gh pr create --head "$branch" --title "Newer versions in the lock" --body-file "$new/body.md"
else
    gh pr edit "$branch" --body-file "$new/body.md"
fi
