"""The area under the Pareto fronts of studies with two objectives, on the search's queries and on held-out ones.

    python tests/peers/front_volume.py ADMIX STUDY…

The area begins at the worst value that a parent has on each objective, and, in the second column, at 0. Only trials that the search chose
and parents count.
"""

import json
import subprocess
import sys


def area(points, lowest):
    total, reached = 0.0, lowest[1]
    for first, second in sorted(points, reverse=True):
        if first > lowest[0] and second > reached:
            total += (first - lowest[0]) * (second - reached)
            reached = second
    return total


def main(admix, studies):
    for study in studies:
        found = json.loads(subprocess.check_output([admix, "sweep", "export", study, "--json", "-"]))
        for name, key in [("search", "trials"), ("held out", "confirmed")]:
            values = [(row["kind"], [objective["value"] for objective in row["objectives"].values()]) for row in found[key]]
            parents = [values for kind, values in values if kind == "parent"]
            points = [values for kind, values in values if kind != "uniform"]
            if points and parents:
                lowest = [min(values[index] for values in parents) for index in range(2)]
                count = len(points) - len(parents)
                print(f"{study}  {name}  {count} points  {area(points, lowest):.5f}  {area(points, [0, 0]):.5f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
