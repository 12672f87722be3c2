import { DatabaseSync } from 'node:sqlite';

/** Makes shop.db, anew each time. */
const shop = new DatabaseSync('shop.db');
shop.exec(`
  DROP TABLE IF EXISTS orders;
  CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, item TEXT NOT NULL, price INTEGER NOT NULL);
  INSERT INTO orders (customer, item, price) VALUES ('ada', 'tea', 3), ('bob', 'coffee', 4), ('ada', 'scones', 5);
`);
shop.close();
console.log('shop.db is there: 3 orders.');
