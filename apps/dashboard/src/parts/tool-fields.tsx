import { useId } from 'react';
import { draftOf, isGroup, type Draft, type Field, type NamedField, type Problems } from '../tool-form.ts';

interface FieldProps {
  readonly name: string;
  readonly path: string;
  readonly field: Field;
  readonly draft: Draft;
  readonly problems: Problems;
  readonly onChange: (draft: Draft) => void;
}

/** The fields of a form, or of an object within it. */
export function ToolFields({
  fields,
  path,
  draft,
  problems,
  onChange,
}: {
  fields: readonly NamedField[];
  path: string;
  draft: Draft;
  problems: Problems;
  onChange: (draft: Draft) => void;
}) {
  const given = isGroup(draft) ? draft : {};
  return fields.map(({ name, field }) => (
    <ToolField
      key={name}
      name={name}
      path={path === '' ? name : `${path}.${name}`}
      field={field}
      draft={given[name]}
      problems={problems}
      onChange={(next) => onChange({ ...given, [name]: next })}
    />
  ));
}

function ToolField(props: FieldProps) {
  const { field, name, path, draft, problems, onChange } = props;
  if (field.kind === 'group') {
    return (
      <fieldset className="nested">
        <Legend name={name} field={field} />
        <ToolFields fields={field.fields} path={path} draft={draft} problems={problems} onChange={onChange} />
      </fieldset>
    );
  }
  return field.kind === 'list' ? <ListField {...props} field={field} /> : <PlainField {...props} />;
}

/** One value: a text, a number, a choice, or JSON. */
function PlainField({ name, path, field, draft, problems, onChange }: FieldProps) {
  const id = useId();
  const problem = problems.get(path);
  const typed = typeof draft === 'string' ? draft : '';
  const common = {
    id,
    value: typed,
    'aria-invalid': problem !== undefined,
    'aria-describedby': [field.description === '' ? '' : `${id}-about`, problem === undefined ? '' : `${id}-problem`]
      .join(' ')
      .trim(),
    'aria-required': field.required,
  };
  const change = (event: { target: { value: string } }): void => onChange(event.target.value);
  return (
    <div className="field">
      <label htmlFor={id}>
        {name}
        {!field.required && <span className="optional"> optional</span>}
      </label>
      {field.kind === 'choice' ? (
        <select {...common} onChange={change}>
          <option value="">{field.required ? 'Choose…' : 'Not given'}</option>
          {field.options.map((option, index) => (
            <option key={JSON.stringify(option)} value={String(index)}>
              {typeof option === 'string' ? option : JSON.stringify(option)}
            </option>
          ))}
        </select>
      ) : field.kind === 'number' ? (
        <input {...common} inputMode={field.integer ? 'numeric' : 'decimal'} onChange={change} autoComplete="off" />
      ) : (
        <textarea
          {...common}
          className={field.kind === 'json' ? 'mono' : undefined}
          rows={field.kind === 'json' ? 3 : 1}
          onChange={change}
          autoComplete="off"
          spellCheck={field.kind === 'text'}
        />
      )}
      {field.description !== '' && (
        <p id={`${id}-about`} className="about">
          {field.description}
        </p>
      )}
      {problem !== undefined && (
        <p id={`${id}-problem`} className="field-problem">
          {problem}
        </p>
      )}
    </div>
  );
}

function ListField({ name, path, field, draft, problems, onChange }: FieldProps & { field: Field & { kind: 'list' } }) {
  const items: readonly Draft[] = Array.isArray(draft) ? draft : [];
  const problem = problems.get(path);
  return (
    <fieldset className="nested">
      <Legend name={name} field={field} />
      {items.map((item, index) => (
        <div key={index} className="item">
          <ToolField
            name={`${name} ${index + 1}`}
            path={`${path}.${index}`}
            field={field.item}
            draft={item}
            problems={problems}
            onChange={(next) => onChange(items.with(index, next))}
          />
          <button type="button" className="quiet small" onClick={() => onChange(items.toSpliced(index, 1))}>
            Remove<span className="unseen"> {`${name} ${index + 1}`}</span>
          </button>
        </div>
      ))}
      <button type="button" className="small add" onClick={() => onChange([...items, draftOf(field.item) ?? ''])}>
        Add<span className="unseen"> to {name}</span>
      </button>
      {problem !== undefined && <p className="field-problem">{problem}</p>}
    </fieldset>
  );
}

const Legend = ({ name, field }: { name: string; field: Field }) => (
  <>
    <legend>
      {name}
      {!field.required && <span className="optional"> optional</span>}
    </legend>
    {field.description !== '' && <p className="about">{field.description}</p>}
  </>
);
