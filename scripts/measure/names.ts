// Finds snake_case variables, parameters and functions: it is for rows, JSON, settings and SQL.
import { findLine, type Node, type SourceFile, walk } from './tree.ts';

const SNAKE = /^[a-z0-9]*[a-z][a-z0-9]*(?:_[a-z0-9]+)+$/;

/** `file:line name`. A field that is read out of a row by its name keeps that name. */
export function listSnakeNames(file: SourceFile): string[] {
  const found = new Set<string>();
  const add = (node: Node) => {
    for (const name of listBoundNames(node)) {
      const isSnake = SNAKE.test(name.name);
      if (isSnake) found.add(`${file.path}:${findLine(file, name.start)} ${name.name}`);
    }
  };
  walk(file.program, (node) => {
    if (node.type === 'VariableDeclarator') add(node.id);
    if (node.type === 'CatchClause' && node.param) add(node.param);
    if ('params' in node && Array.isArray(node.params)) node.params.forEach(add);
    if ('id' in node && node.id && node.type.startsWith('Function')) add(node.id);
    if (node.type === 'MethodDefinition' && !node.computed) add(node.key);
  });
  return [...found];
}

interface BoundName {
  name: string;
  start: number;
}

function listBoundNames(node: Node): BoundName[] {
  switch (node.type) {
    case 'Identifier':
      return [{ name: node.name, start: node.start }];
    case 'AssignmentPattern':
      return listBoundNames(node.left);
    case 'RestElement':
      return listBoundNames(node.argument);
    case 'TSParameterProperty':
      return listBoundNames(node.parameter);
    case 'ArrayPattern':
      return node.elements.flatMap((each) => (each ? listBoundNames(each) : []));
    case 'ObjectPattern':
      return node.properties.flatMap((each) => {
        if (each.type === 'RestElement') return listBoundNames(each);
        return each.shorthand ? [] : listBoundNames(each.value);
      });
    default:
      return [];
  }
}
